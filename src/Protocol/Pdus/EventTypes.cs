namespace Matrix.EventSourced.Protocol.Pdus;

/// <summary>The event types that the protocol itself looks at.</summary>
/// <remarks>Spec: v1.19 client-server-api #room-events.</remarks>
public static class EventTypes
{
    public const string Create = "m.room.create";
    public const string Member = "m.room.member";
    public const string PowerLevels = "m.room.power_levels";
    public const string JoinRules = "m.room.join_rules";
    public const string HistoryVisibility = "m.room.history_visibility";
    public const string GuestAccess = "m.room.guest_access";
    public const string ThirdPartyInvite = "m.room.third_party_invite";
    public const string Redaction = "m.room.redaction";
    public const string Aliases = "m.room.aliases";
    public const string CanonicalAlias = "m.room.canonical_alias";
    public const string Name = "m.room.name";
    public const string Topic = "m.room.topic";
    public const string Avatar = "m.room.avatar";
    public const string Encryption = "m.room.encryption";
    public const string Encrypted = "m.room.encrypted";
    public const string Message = "m.room.message";
    public const string Reaction = "m.reaction";
    public const string Tombstone = "m.room.tombstone";
    public const string ServerAcl = "m.room.server_acl";
    public const string PolicyServer = "m.room.policy";
    public const string SpaceChild = "m.space.child";

    private static readonly (byte[] Utf8, string Text)[] Common =
    [
        .. new[]
        {
            Message, Encrypted, Member, Reaction, Redaction, PowerLevels, Create, JoinRules, HistoryVisibility,
            CanonicalAlias, Name, Topic, Avatar, Encryption, GuestAccess, ThirdPartyInvite, ServerAcl, Tombstone,
            SpaceChild, Aliases, PolicyServer,
        }.Select(text => (System.Text.Encoding.UTF8.GetBytes(text), text)),
    ];

    /// <summary>The constant for a common type, so that a million PDUs do not hold a million copies of it.</summary>
    internal static string? FindCommon(ReadOnlySpan<byte> utf8)
    {
        foreach (var (bytes, text) in Common)
        {
            if (utf8.SequenceEqual(bytes))
                return text;
        }
        return null;
    }
}
