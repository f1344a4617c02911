using System.Text.Json;
using Matrix.EventSourced.Protocol.RoomVersions;

namespace Matrix.EventSourced.Protocol.EventAuth;

/// <summary>The levels that stand at the top of a power levels content.</summary>
internal enum NamedLevel
{
    UsersDefault,
    EventsDefault,
    StateDefault,
    Ban,
    Redact,
    Kick,
    Invite,
}

/// <summary>The content of a power levels PDU, parsed: what is there, without defaults.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #mroompower_levels.
/// SPEC?: before version 10 a level outside of <c>users</c> may be anything; what stands for no integer counts as not
/// given.
/// </remarks>
internal sealed class PowerLevelsContent
{
    public static readonly int NamedLevelCount = Enum.GetValues<NamedLevel>().Length;

    private static readonly Dictionary<string, long> NoLevels = [];

    private readonly long?[] _named = new long?[NamedLevelCount];

    public PowerLevelsContent(JsonElement content, RoomVersionRules rules)
    {
        for (var index = 0; index < NamedLevelCount; index++)
        {
            if (content.TryFind(NameOf((NamedLevel)index), out var value)
                && LevelParser.TryParse(value, rules, out var level))
                _named[index] = level;
        }
        Users = ReadMap(content, "users"u8, rules);
        Events = ReadMap(content, "events"u8, rules);
        Notifications = ReadMap(content, "notifications"u8, rules);
    }

    public IReadOnlyDictionary<string, long> Users { get; }

    public IReadOnlyDictionary<string, long> Events { get; }

    public IReadOnlyDictionary<string, long> Notifications { get; }

    public long? this[NamedLevel level] => _named[(int)level];

    public static ReadOnlySpan<byte> NameOf(NamedLevel level) => level switch
    {
        NamedLevel.UsersDefault => "users_default"u8,
        NamedLevel.EventsDefault => "events_default"u8,
        NamedLevel.StateDefault => "state_default"u8,
        NamedLevel.Ban => "ban"u8,
        NamedLevel.Redact => "redact"u8,
        NamedLevel.Kick => "kick"u8,
        _ => "invite"u8,
    };

    private static Dictionary<string, long> ReadMap(JsonElement content, ReadOnlySpan<byte> name,
        RoomVersionRules rules)
    {
        if (!content.TryFind(name, out var map) || map.ValueKind != JsonValueKind.Object)
            return NoLevels;
        var levels = new Dictionary<string, long>(map.GetPropertyCount(), StringComparer.Ordinal);
        foreach (var entry in map.EnumerateObject())
        {
            if (LevelParser.TryParse(entry.Value, rules, out var level))
                levels[entry.Name] = level;
        }
        return levels;
    }
}
