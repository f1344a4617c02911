using System.Globalization;
using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Sync;

/// <summary>A client that believes nothing but its sliding sync. Windows, timeline limits and the state that it asks for
/// change by chance; when its connection is gone, it begins anew.</summary>
internal sealed class SlidRooms(TestUser user, bool isOlder, Random random) : ISyncedRooms
{
    private readonly SlidingClient _client = new(user, isOlder);
    private readonly Dictionary<string, SortedDictionary<string, string>> _roomToState = new(StringComparer.Ordinal);

    public TestUser User => user;

    public string Kind => isOlder ? "sliding, older form" : "sliding";

    public bool KnowsForks => true;

    public SortedDictionary<string, string>? StateOf(string roomId) => _roomToState.GetValueOrDefault(roomId);

    public async Task PollAsync(int timeoutMs, bool isSettling)
    {
        var kind = isSettling ? 0 : random.Next(4);
        var (older, newer) = kind switch
        {
            1 => ("""[["m.room.topic",""],["m.room.member","$LAZY"]]""",
                """{"include":[{"type":"m.room.topic","state_key":""}],"lazy_members":true}"""),
            2 => ("""[["m.room.member","*"]]""", """{"include":[{"type":"m.room.member"}]}"""),
            _ => ("""[["*","*"]]""", """{"include":[{}]}"""),
        };
        var range = isOlder ? "\"ranges\":[[0,99]]," : string.Empty;
        var list = string.Create(
            CultureInfo.InvariantCulture,
            $"\"all\":{{{range}\"timeline_limit\":{random.Next(4)},\"required_state\":{(isOlder ? older : newer)}}}");
        var reply = await _client.TryAsync(kind == 3 ? "\"lists\":{}" : $"\"lists\":{{{list}}}", timeoutMs);
        if (reply.ErrCode == "M_UNKNOWN_POS")
        {
            _client.Pos = null;
            _roomToState.Clear();
            return;
        }
        var answer = reply.Ok();
        // Now and then an answer is lost: the next request repeats it.
        if (!isSettling && _client.Pos is not null && random.Next(6) == 0)
            return;
        _client.Pos = answer.Text("pos");
        foreach (var room in answer.GetProperty("rooms").EnumerateObject())
            Apply(room.Name, room.Value);
    }

    private void Apply(string roomId, JsonElement room)
    {
        if (room.Text("membership") != "join")
        {
            _roomToState.Remove(roomId);
            return;
        }
        if (room.TryGetProperty("initial", out _) || !_roomToState.TryGetValue(roomId, out var state))
            _roomToState[roomId] = state = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (!room.TryGetProperty("required_state", out var entries))
            return;
        foreach (var entry in entries.EnumerateArray())
        {
            var key = $"{entry.Text("type")}|{entry.Text("state_key")}";
            if (entry.TryGetProperty("event_id", out var eventId))
                state[key] = eventId.GetString()!;
            else
                state.Remove(key);
        }
    }
}
