using System.Collections.Frozen;

namespace Matrix.EventSourced.Protocol.RoomVersions;

/// <summary>The room versions, each written as "the version before, except".</summary>
internal static class RoomVersionTable
{
    private static readonly RoomVersionRules V1 = new()
    {
        Version = "1",
        EventIdFormat = EventIdFormat.Chosen,
        ReferencesArePairs = true,
        EventIdServerSigns = true,
        RedactionIsAuthorised = true,
        AliasesAreAuthorised = true,
        StateResolution = StateResolutionAlgorithm.V1,
        Redaction = RedactionOfV1(),
    };

    private static readonly RoomVersionRules V2 = V1 with
    {
        Version = "2",
        StateResolution = StateResolutionAlgorithm.V2,
    };

    private static readonly RoomVersionRules V3 = V2 with
    {
        Version = "3",
        EventIdFormat = EventIdFormat.HashBase64,
        ReferencesArePairs = false,
        EventIdServerSigns = false,
        RedactionIsAuthorised = false,
    };

    private static readonly RoomVersionRules V4 = V3 with
    {
        Version = "4",
        EventIdFormat = EventIdFormat.HashBase64Url,
    };

    private static readonly RoomVersionRules V5 = V4 with
    {
        Version = "5",
        EnforcesKeyValidity = true,
    };

    private static readonly RoomVersionRules V6 = V5 with
    {
        Version = "6",
        StrictCanonicalJson = true,
        AliasesAreAuthorised = false,
        NotificationLevelsAreChecked = true,
        Redaction = V5.Redaction.WithContentKeys("m.room.aliases"),
    };

    private static readonly RoomVersionRules V7 = V6 with
    {
        Version = "7",
        Knocking = true,
    };

    private static readonly RoomVersionRules V8 = V7 with
    {
        Version = "8",
        RestrictedJoins = true,
        Redaction = V7.Redaction.WithContentKeys("m.room.join_rules", "join_rule", "allow"),
    };

    private static readonly RoomVersionRules V9 = V8 with
    {
        Version = "9",
        Redaction = V8.Redaction.WithContentKeys("m.room.member", "membership", "join_authorised_via_users_server"),
    };

    private static readonly RoomVersionRules V10 = V9 with
    {
        Version = "10",
        KnockRestrictedJoins = true,
        IntegerPowerLevels = true,
    };

    private static readonly RoomVersionRules V11 = V10 with
    {
        Version = "11",
        RedactsInContent = true,
        CreatorIsSender = true,
        Redaction = RedactionOfV11(V10.Redaction),
    };

    private static readonly RoomVersionRules V12 = V11 with
    {
        Version = "12",
        RoomIdIsCreateHash = true,
        CreatorsHaveInfinitePower = true,
        StateResolution = StateResolutionAlgorithm.V2Point1,
    };

    public static readonly IReadOnlyList<RoomVersionRules> All = [V1, V2, V3, V4, V5, V6, V7, V8, V9, V10, V11, V12];

    public static readonly FrozenDictionary<string, RoomVersionRules> VersionToRules =
        All.ToFrozenDictionary(rules => rules.Version, StringComparer.Ordinal);

    private static RedactionRules RedactionOfV1()
    {
        string[] topLevel =
        [
            "event_id", "type", "room_id", "sender", "state_key", "content", "hashes", "signatures", "depth",
            "prev_events", "prev_state", "auth_events", "origin", "origin_server_ts", "membership",
        ];
        var none = new RedactionRules
        {
            TopLevelKeys = topLevel.ToFrozenSet(StringComparer.Ordinal),
            ContentKeys = FrozenDictionary<string, FrozenSet<string>>.Empty,
        };
        return none
            .WithContentKeys("m.room.member", "membership")
            .WithContentKeys("m.room.create", "creator")
            .WithContentKeys("m.room.join_rules", "join_rule")
            .WithContentKeys("m.room.power_levels", "ban", "events", "events_default", "kick", "redact",
                "state_default", "users", "users_default")
            .WithContentKeys("m.room.aliases", "aliases")
            .WithContentKeys("m.room.history_visibility", "history_visibility");
    }

    private static RedactionRules RedactionOfV11(RedactionRules before) =>
        before
            .WithoutTopLevelKeys("origin", "membership", "prev_state")
            .WithContentKeys("m.room.member", "membership", "join_authorised_via_users_server",
                "third_party_invite/signed")
            .WithContentKeys("m.room.power_levels", "ban", "events", "events_default", "invite", "kick", "redact",
                "state_default", "users", "users_default")
            .WithContentKeys("m.room.redaction", "redacts")
            .WithContentKeys("m.room.create")
            with { WholeContentTypes = new[] { "m.room.create" }.ToFrozenSet(StringComparer.Ordinal) };
}
