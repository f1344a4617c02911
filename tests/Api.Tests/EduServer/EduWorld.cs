using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;
using Microsoft.Extensions.Time.Testing;

namespace Matrix.EventSourced.Api.Tests.EduServer;

/// <summary>A homeserver with a clock of the test's, and a room with alice and bob in it.</summary>
internal sealed class EduWorld : IAsyncDisposable
{
    private EduWorld(TestHomeserver server, FakeTimeProvider time, TestUser alice, TestUser bob, string room) =>
        (Server, Time, Alice, Bob, Room) = (server, time, alice, bob, room);

    public TestHomeserver Server { get; }

    public FakeTimeProvider Time { get; }

    public TestUser Alice { get; }

    public TestUser Bob { get; }

    public string Room { get; }

    /// <summary>Presence is off unless a test is about it, so that long polls end for one reason only.</summary>
    public static async Task<EduWorld> StartAsync(bool hasPresence = false)
    {
        var time = new FakeTimeProvider(DateTimeOffset.FromUnixTimeMilliseconds(1_767_225_600_000));
        var server = await TestHomeserver.StartAsync(new TestHomeserverOptions
        {
            Time = time,
            IsLogInMemory = true,
            Configure = config => config with { PresenceEnabled = hasPresence },
        });
        var alice = await server.RegisterAsync("alice");
        var bob = await server.RegisterAsync("bob");
        var room = await alice.CreateRoomAsync();
        await bob.JoinAsync(room);
        return new EduWorld(server, time, alice, bob, room);
    }

    public ValueTask DisposeAsync() => Server.DisposeAsync();

    public static string Path(string room, string rest) => $"rooms/{Uri.EscapeDataString(room)}/{rest}";

    public Task<Reply> TypeAsync(TestUser user, bool isTyping, int timeoutMs = 30_000) => user.PutAsync(
        Path(Room, $"typing/{Uri.EscapeDataString(user.UserId)}"),
        $$"""{"typing":{{(isTyping ? "true" : "false")}},"timeout":{{timeoutMs}}}""");

    public Task<Reply> ReadAsync(TestUser user, string eventId, string type = "m.read", string body = "{}") =>
        user.PostAsync(Path(Room, $"receipt/{type}/{Uri.EscapeDataString(eventId)}"), body);

    public static string Token(JsonElement sync) => sync.Text("next_batch");

    /// <summary>The ephemeral events of a room in a sync, as JSON.</summary>
    public static string[] Ephemeral(JsonElement sync, string room) =>
        sync.GetProperty("rooms").GetProperty("join").TryGetProperty(room, out var joined)
            ? [.. joined.GetProperty("ephemeral").GetProperty("events").EnumerateArray().Select(one => one.GetRawText())]
            : [];

    public string[] Ephemeral(JsonElement sync) => Ephemeral(sync, Room);

    public static string Typing(params string[] userIds) =>
        $$$"""{"type":"m.typing","content":{"user_ids":[{{{string.Join(',', userIds.Select(id => $"\"{id}\""))}}}]}}""";
}
