using System.Text.Json;
using Matrix.EventSourced.Protocol.Pdus;

namespace Matrix.EventSourced.Protocol.EventAuth;

/// <summary>Who created a room.</summary>
/// <remarks>
/// Spec: v1.19 rooms/v12 #event-format (the sender and <c>additional_creators</c>), rooms/v11 (the sender), rooms/v1
/// (<c>content.creator</c>).
/// </remarks>
public sealed class Creators
{
    private readonly string? _first;
    private readonly HashSet<string>? _additional;

    private Creators(string? first, HashSet<string>? additional, bool arePrivileged)
    {
        _first = first;
        _additional = additional;
        ArePrivileged = arePrivileged;
    }

    /// <summary>Creators are above all power levels: room version 12 and later.</summary>
    public bool ArePrivileged { get; }

    public static Creators Of(Pdu create) => new(
        create.Rules.CreatorIsSender ? create.Sender.Value : create.Content.FindString("creator"u8),
        create.Rules.CreatorsHaveInfinitePower ? ReadAdditional(create.Content) : null,
        create.Rules.CreatorsHaveInfinitePower);

    public bool Contains(string userId) =>
        userId == _first || (_additional is not null && _additional.Contains(userId));

    private static HashSet<string>? ReadAdditional(JsonElement content)
    {
        if (!content.TryFind("additional_creators"u8, out var list) || list.ValueKind != JsonValueKind.Array)
            return null;
        var creators = new HashSet<string>(StringComparer.Ordinal);
        foreach (var creator in list.EnumerateArray())
        {
            if (creator.ValueKind == JsonValueKind.String)
                creators.Add(creator.GetString()!);
        }
        return creators;
    }
}
