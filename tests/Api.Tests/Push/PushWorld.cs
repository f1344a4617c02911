using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;
using Microsoft.Extensions.Time.Testing;

namespace Matrix.EventSourced.Api.Tests.Push;

/// <summary>A homeserver, and a room with ada (who made it), bob and cyd in it.</summary>
internal sealed class PushWorld : IAsyncDisposable
{
    public const string Threads = """{"room":{"timeline":{"unread_thread_notifications":true}}}""";

    private PushWorld(TestHomeserver server, TestUser ada, TestUser bob, TestUser cyd, string room) =>
        (Server, Ada, Bob, Cyd, Room) = (server, ada, bob, cyd, room);

    public TestHomeserver Server { get; }

    public TestUser Ada { get; }

    public TestUser Bob { get; }

    public TestUser Cyd { get; }

    public string Room { get; }

    public static async Task<PushWorld> StartAsync()
    {
        var server = await TestHomeserver.StartAsync(new TestHomeserverOptions
        {
            Time = new FakeTimeProvider(DateTimeOffset.FromUnixTimeMilliseconds(1_767_225_600_000)),
            IsLogInMemory = true,
            Configure = config => config with { PresenceEnabled = false },
        });
        var ada = await server.RegisterAsync("ada");
        var bob = await server.RegisterAsync("bob");
        var cyd = await server.RegisterAsync("cyd");
        var room = await ada.CreateRoomAsync();
        await bob.JoinAsync(room);
        await cyd.JoinAsync(room);
        return new PushWorld(server, ada, bob, cyd, room);
    }

    public ValueTask DisposeAsync() => Server.DisposeAsync();

    public static string Path(string room, string rest) => $"rooms/{Uri.EscapeDataString(room)}/{rest}";

    public async Task ReadAsync(TestUser user, string eventId, string? thread = null, string type = "m.read") =>
        (await user.PostAsync(
            Path(Room, $"receipt/{type}/{Uri.EscapeDataString(eventId)}"),
            thread is null ? "{}" : $$"""{"thread_id":"{{thread}}"}""")).Ok();

    public async Task RedactAsync(TestUser user, string eventId) =>
        (await user.PutAsync(Path(Room, $"redact/{Uri.EscapeDataString(eventId)}/r{eventId[1..9]}"), "{}")).Ok();

    public Task<string> ReplyAsync(TestUser user, string root, string text) => user.SendAsync(
        Room,
        "m.room.message",
        $$$"""{"msgtype":"m.text","body":"{{{text}}}","m.relates_to":{"rel_type":"m.thread","event_id":"{{{root}}}"} }""");

    public Task<string> MentionAsync(TestUser user, params string[] mentioned) => user.SendAsync(
        Room,
        "m.room.message",
        $$$"""{"msgtype":"m.text","body":"hi","m.mentions":{"user_ids":[{{{string.Join(',', mentioned.Select(id => $"\"{id}\""))}}}]} }""");

    public static async Task AddRuleAsync(TestUser user, string kind, string id, string body) =>
        (await user.PutAsync($"pushrules/global/{kind}/{Uri.EscapeDataString(id)}", body)).Ok();

    /// <summary>What a fresh sync says of the room: notifications, highlights.</summary>
    public async Task<string> CountsAsync(TestUser user, string? room = null) =>
        Counts(await user.SyncAsync(), room ?? Room)!;

    /// <summary>The same, of a sync; null where the room does not stand in it.</summary>
    public static string? Counts(JsonElement sync, string room)
    {
        if (!sync.GetProperty("rooms").GetProperty("join").TryGetProperty(room, out var joined))
            return null;
        var text = Pair(joined.GetProperty("unread_notifications"));
        if (joined.TryGetProperty("unread_thread_notifications", out var threads))
        {
            foreach (var thread in threads.EnumerateObject().OrderBy(one => one.Name, StringComparer.Ordinal))
                text += $" {thread.Name}={Pair(thread.Value)}";
        }
        return text;
    }

    private static string Pair(JsonElement counts) =>
        $"{counts.GetProperty("notification_count")},{counts.GetProperty("highlight_count")}";

    public static string Token(JsonElement sync) => sync.Text("next_batch");

    public static async Task<JsonElement[]> NotificationsAsync(TestUser user, string query = "") =>
        [.. (await user.GetAsync("notifications" + query)).Ok().GetProperty("notifications").EnumerateArray()];

    public static string[] Ids(JsonElement[] notifications) =>
        [.. notifications.Select(one => one.GetProperty("event").Text("event_id"))];
}
