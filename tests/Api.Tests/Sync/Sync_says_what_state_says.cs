using System.Globalization;
using Matrix.EventSourced.Api.Tests.Federation;
using Matrix.EventSourced.Kit.Hosting;
using Xunit.Abstractions;

namespace Matrix.EventSourced.Api.Tests.Sync;

/// <summary>Clients of two servers do at random what rooms allow, several at once, so that rooms fork; servers stop and
/// start. What each client worked out from its /sync is then what /state says. TEST_SEED replays a run, TEST_RUNS says
/// how many there are.</summary>
/// <remarks>Every other room is of one server alone and does not fork. In those that fork only clients with
/// <c>use_state_after</c> or sliding sync can know the state: without them the spec tells the state before the timeline, and has no words
/// for what state resolution changes within it.</remarks>
public sealed class Sync_says_what_state_says(ITestOutputHelper output) : IAsyncLifetime
{
    private const int RunsUsual = 4;
    private const int Rounds = 12;
    private const int ActionsAtOnce = 4;

    /// <summary>LIMIT: polls until a client must have caught up.</summary>
    private const int PollsMax = 40;

    private readonly List<TestHomeserver> _servers = [];
    private readonly List<TestUser> _users = [];

    public async Task InitializeAsync()
    {
        for (var number = 0; number < 2; number++)
        {
            _servers.Add(await FederatingServers.StartAsync());
            foreach (var name in new[] { "ann", "ben" })
                _users.Add(await _servers[number].RegisterAsync(name));
        }
    }

    public async Task DisposeAsync()
    {
        foreach (var server in _servers)
            await server.DisposeAsync();
    }

    [Fact]
    public async Task whatever_clients_and_servers_do()
    {
        var first = Setting("TEST_SEED", 1);
        for (var seed = first; seed < first + Setting("TEST_RUNS", RunsUsual); seed++)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Seed {seed}; TEST_SEED replays it."));
            await RunAsync(seed);
        }
    }

    private static int Setting(string name, int usual) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out var value) ? value : usual;

    private async Task RunAsync(int seed)
    {
        var random = new Random(seed);
        string[] versions = ["1", "6", "9", "11", "12"];
        string[] visibilities = ["shared", "joined", "invited"];
        var room = await _users[0].CreateRoomAsync(
            $$"""
            {"preset":"public_chat","room_version":"{{versions[random.Next(versions.Length)]}}",
             "power_level_content_override":{"users_default":50},
             "initial_state":[{"type":"m.room.history_visibility","state_key":"",
                "content":{"history_visibility":"{{visibilities[random.Next(visibilities.Length)]}}"} }]}
            """);
        var isShared = seed % 2 == 0;
        var users = isShared ? _users : _users.GetRange(0, 2);
        var via = Uri.EscapeDataString(_users[0].UserId[(_users[0].UserId.IndexOf(':', StringComparison.Ordinal) + 1)..]);
        var join = $"/_matrix/client/v3/join/{Uri.EscapeDataString(room)}?via={via}";
        foreach (var user in users.Skip(1))
            (await user.PostAsync(join)).Ok();
        var clients = users.SelectMany(user => new ISyncedRooms[]
        {
            new SyncedRooms(user, usesStateAfter: true, random), new SyncedRooms(user, usesStateAfter: false, random),
            new SlidRooms(user, isOlder: seed % 4 < 2, random),
        }).ToList();
        for (var round = 0; round < Rounds; round++)
        {
            var actions = Enumerable.Range(0, ActionsAtOnce)
                .Select(number => Action(random, users, room, join, $"{seed}-{round}-{number}")).ToList();
            await Task.WhenAll(actions.Select(action => action()));
            if (random.Next(10) == 0)
                await _servers[random.Next(_servers.Count)].RestartAsync();
            foreach (var client in clients.Where(_ => random.Next(3) == 0))
                await client.PollAsync(0, isSettling: false);
        }
        foreach (var client in clients.Where(client => client.KnowsForks || !isShared))
            await AgreesAsync(client, room, seed);
    }

    private static Func<Task> Action(Random random, List<TestUser> users, string room, string join, string name)
    {
        var user = users[random.Next(users.Count)];
        var other = users[random.Next(users.Count)];
        var path = $"/_matrix/client/v3/rooms/{Uri.EscapeDataString(room)}";
        var about = $$"""{"user_id":"{{other.UserId}}"}""";
        return random.Next(10) switch
        {
            0 or 1 => () => user.PutAsync($"{path}/send/m.room.message/{name}", """{"msgtype":"m.text","body":"x"}"""),
            2 or 3 => () => user.PutAsync($"{path}/state/m.room.topic/", $$"""{"topic":"{{name}}"}"""),
            4 => () => user.PutAsync($"{path}/state/test.any/{name[^1]}", $$"""{"value":"{{name}}"}"""),
            5 => () => user.PostAsync($"{path}/leave"),
            6 => () => user.PostAsync($"{path}/kick", about),
            7 => () => user.PutAsync(
                $"{path}/state/m.room.member/{Uri.EscapeDataString(user.UserId)}",
                $$"""{"membership":"join","displayname":"{{name}}"}"""),
            _ => () => user.PostAsync(join),
        };
    }

    /// <summary>Right after the last action other servers' events may still come: the client asks until it agrees.</summary>
    private static async Task AgreesAsync(ISyncedRooms client, string room, int seed)
    {
        var difference = string.Empty;
        for (var poll = 0; poll < PollsMax; poll++)
        {
            await client.PollAsync(poll == 0 ? 0 : 250, isSettling: true);
            var path = $"/_matrix/client/v3/rooms/{Uri.EscapeDataString(room)}";
            var joined = (await client.User.GetAsync("/_matrix/client/v3/joined_rooms")).Ok().GetProperty("joined_rooms");
            var isIn = joined.EnumerateArray().Any(entry => entry.GetString() == room);
            if (!isIn && client.StateOf(room) is null)
                return;
            if (isIn && client.StateOf(room) is { } synced)
            {
                // State resolution may take an entry away that has no other value; /sync has no words for that.
                var state = await client.User.StateAsync(room);
                var different = state.Except(synced).ToList();
                if (different.Count == 0)
                    return;
                difference = string.Join(
                    '\n',
                    different.Select(entry =>
                        $"{entry.Key}: /state {entry.Value}, /sync {synced.GetValueOrDefault(entry.Key, "nothing")}"));
            }
            else
            {
                difference = $"{path}: in the room {isIn}, by /sync {client.StateOf(room) is not null}";
            }
        }
        Assert.Fail($"Seed {seed}: {client.User.UserId} ({client.Kind}) does not agree.\n{difference}");
    }
}
