using System.Globalization;
using System.Text.Json;

namespace Matrix.EventSourced.Kit.Hosting;

/// <summary>A logged-in user of a test's homeserver.</summary>
public sealed class TestUser(TestHomeserver server, string userId, string token, string deviceId)
{
    private int _transactionCount;

    public string UserId => userId;

    public string Token => token;

    public string DeviceId => deviceId;

    public Task<Reply> GetAsync(string path) => server.SendAsync("GET", path, token);

    public Task<Reply> PostAsync(string path, string body = "{}") => server.SendAsync("POST", path, token, body);

    public Task<Reply> PutAsync(string path, string body) => server.SendAsync("PUT", path, token, body);

    public Task<Reply> DeleteAsync(string path) => server.SendAsync("DELETE", path, token);

    /// <summary>Makes a room; returns its id.</summary>
    public async Task<string> CreateRoomAsync(string body = """{"preset":"public_chat"}""") =>
        (await PostAsync("createRoom", body)).Ok().Text("room_id");

    public async Task JoinAsync(string roomIdOrAlias) =>
        (await PostAsync($"join/{Uri.EscapeDataString(roomIdOrAlias)}")).Ok();

    /// <summary>Sends an event; returns its id.</summary>
    public async Task<string> SendAsync(string roomId, string type, string content, string? transactionId = null)
    {
        var count = Interlocked.Increment(ref _transactionCount);
        var transaction = transactionId ?? string.Create(CultureInfo.InvariantCulture, $"t{count}");
        var path = $"rooms/{Uri.EscapeDataString(roomId)}/send/{Uri.EscapeDataString(type)}/{transaction}";
        return (await PutAsync(path, content)).Ok().Text("event_id");
    }

    public Task<string> SendTextAsync(string roomId, string text) =>
        SendAsync(roomId, "m.room.message", $$"""{"msgtype":"m.text","body":{{Quoted(text)}}}""");

    /// <summary>Sets state; returns the event's id.</summary>
    public async Task<string> SetStateAsync(string roomId, string type, string stateKey, string content)
    {
        var path = $"rooms/{Uri.EscapeDataString(roomId)}/state/{Uri.EscapeDataString(type)}/{Uri.EscapeDataString(stateKey)}";
        return (await PutAsync(path, content)).Ok().Text("event_id");
    }

    /// <summary>One /sync; without a token the initial one.</summary>
    public async Task<JsonElement> SyncAsync(string? since = null, int timeoutMs = 0, string? filter = null)
    {
        var path = string.Create(CultureInfo.InvariantCulture, $"sync?timeout={timeoutMs}");
        if (since is not null)
            path += $"&since={Uri.EscapeDataString(since)}";
        if (filter is not null)
            path += $"&filter={Uri.EscapeDataString(filter)}";
        return (await GetAsync(path)).Ok();
    }

    private static string Quoted(string text) => $"\"{JsonEncodedText.Encode(text)}\"";
}
