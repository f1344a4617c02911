using System.Globalization;
using System.Text.Json;
using Matrix.EventSourced.Api.Tests.Federation;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Sync;

/// <summary>A client that believes nothing but its /sync: the state of each room that it is in, as the spec has clients
/// work it out.</summary>
/// <remarks>Spec: v1.19 client-server-api #syncing. With <paramref name="usesStateAfter"/> the state comes apart from the
/// timeline; without, timeline events change it.</remarks>
internal sealed class SyncedRooms(TestUser user, bool usesStateAfter, Random random) : ISyncedRooms
{
    private readonly Dictionary<string, SortedDictionary<string, string>> _roomToState = new(StringComparer.Ordinal);
    private string? _since;

    public TestUser User => user;

    public string Kind => usesStateAfter ? "state_after" : "timeline";

    public bool KnowsForks => usesStateAfter;

    public SortedDictionary<string, string>? StateOf(string roomId) => _roomToState.GetValueOrDefault(roomId);

    /// <summary>What a filter may keep out of the timeline; the state must come all the same.</summary>
    private static readonly string[] Selections =
        ["", "", ""","types":["m.room.message"]""", ""","not_types":["m.room.topic","m.room.member"]"""];

    /// <summary>Asks once, with a timeline limit and selection and, now and then, a full state drawn by chance.</summary>
    public async Task PollAsync(int timeoutMs, bool isSettling)
    {
        var limit = (int[])[1, 2, 3, 10];
        var filter = Uri.EscapeDataString(
            $$$"""
            {"room":{"timeline":{"limit":{{{limit[random.Next(limit.Length)]}}}{{{Selections[random.Next(Selections.Length)]}}}} },
             "presence":{"types":[]} }
            """);
        var query = string.Create(
            CultureInfo.InvariantCulture, $"/_matrix/client/v3/sync?timeout={timeoutMs}&filter={filter}");
        if (_since is not null)
            query += $"&since={_since}";
        if (usesStateAfter)
            query += "&use_state_after=true";
        var isFull = _since is not null && random.Next(12) == 0;
        if (isFull)
            query += "&full_state=true";
        var sync = (await user.GetAsync(query)).Ok();
        _since = sync.Text("next_batch");
        if (!sync.TryGetProperty("rooms", out var rooms))
            return;
        foreach (var (roomId, _) in Members(rooms, "leave"))
            _roomToState.Remove(roomId);
        foreach (var (roomId, _) in Members(rooms, "join"))
            Apply(sync, roomId);
    }

    private void Apply(JsonElement sync, string roomId)
    {
        if (!_roomToState.TryGetValue(roomId, out var state))
            _roomToState[roomId] = state = new SortedDictionary<string, string>(StringComparer.Ordinal);
        Apply(state, SharedRooms.Events(sync, "join", roomId, usesStateAfter ? "state_after" : "state"));
        if (!usesStateAfter)
            Apply(state, SharedRooms.Events(sync, "join", roomId, "timeline"));
    }

    private static void Apply(SortedDictionary<string, string> state, List<JsonElement> events)
    {
        foreach (var entry in events)
        {
            if (entry.TryGetProperty("state_key", out var stateKey))
                state[$"{entry.Text("type")}|{stateKey.GetString()}"] = entry.Text("event_id");
        }
    }

    private static IEnumerable<(string Id, JsonElement Room)> Members(JsonElement rooms, string section) =>
        rooms.TryGetProperty(section, out var found)
            ? found.EnumerateObject().Select(member => (member.Name, member.Value))
            : [];
}
