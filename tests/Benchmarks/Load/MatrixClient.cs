using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Matrix.EventSourced.Benchmarks.Load;

/// <summary>The server did not do what the run needs before it can measure anything.</summary>
internal sealed class LoadException(string message) : Exception(message);

/// <summary>One user with one connection: the few requests of the client API that the workloads are made of.</summary>
internal sealed class MatrixClient(HttpConnection connection, CancellationToken cancellationToken) : IDisposable
{
    private const int SetUpTriesMax = 30;

    private static readonly byte[] EmptyObject = "{}"u8.ToArray();
    private static long s_lastTransaction;

    public string? Token { get; set; }

    public string UserId { get; set; } = "";

    public ValueTask<HttpAnswer> GetAsync(string target) =>
        connection.SendAsync("GET", target, Token, default, cancellationToken);

    public ValueTask<HttpAnswer> PostAsync(string target, ReadOnlyMemory<byte> body) =>
        connection.SendAsync("POST", target, Token, body, cancellationToken);

    public ValueTask<HttpAnswer> PutAsync(string target, ReadOnlyMemory<byte> body) =>
        connection.SendAsync("PUT", target, Token, body, cancellationToken);

    /// <summary>Sends a message with a transaction id of its own.</summary>
    public ValueTask<HttpAnswer> SendMessageAsync(string roomId, ReadOnlyMemory<byte> body)
    {
        var transaction = Interlocked.Increment(ref s_lastTransaction).ToString(CultureInfo.InvariantCulture);
        return PutAsync($"{RoomPath(roomId)}/send/m.room.message/load{Environment.ProcessId}.{transaction}", body);
    }

    public ValueTask<HttpAnswer> JoinAsync(string roomId) =>
        PostAsync($"/_matrix/client/v3/join/{Uri.EscapeDataString(roomId)}", EmptyObject);

    public ValueTask<HttpAnswer> CreateRoomAsync(string preset) =>
        PostAsync(
            "/_matrix/client/v3/createRoom", Encoding.UTF8.GetBytes($"{{\"preset\":\"{preset}\",\"name\":\"Load\"}}"));

    public ValueTask<HttpAnswer> SyncAsync(string? since, int timeoutMs) => GetAsync(
        since is null
            ? "/_matrix/client/v3/sync"
            : string.Create(
                CultureInfo.InvariantCulture,
                $"/_matrix/client/v3/sync?timeout={timeoutMs}&since={Uri.EscapeDataString(since)}"));

    /// <summary>The position at which the next sync goes on.</summary>
    public async Task<string> SyncPositionAsync() => Member(await SetUpAsync(() => SyncAsync(null, 0)), "next_batch");

    public async Task<string> MakeRoomAsync(string preset) =>
        Member(await SetUpAsync(() => CreateRoomAsync(preset)), "room_id");

    /// <summary>Repeats a request of the set-up while the server says that there are too many.</summary>
    public static async Task<HttpAnswer> SetUpAsync(Func<ValueTask<HttpAnswer>> request)
    {
        for (var tries = 0; ; tries++)
        {
            var answer = await request();
            if (answer.IsSuccess)
                return answer;
            if (answer.Status != 429 || tries == SetUpTriesMax)
                throw new LoadException(
                    $"The server answered {answer.Status}: {Encoding.UTF8.GetString(answer.Body.Span)}");
            await Task.Delay(TimeSpan.FromSeconds(1));
        }
    }

    /// <summary>A string at the top level of an answer.</summary>
    public static string Member(HttpAnswer answer, string name) => FindMember(answer, name)
        ?? throw new LoadException($"The server's answer has no '{name}': {Encoding.UTF8.GetString(answer.Body.Span)}");

    public static string? FindMember(HttpAnswer answer, string name)
    {
        var reader = new Utf8JsonReader(answer.Body.Span);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isIt = reader.ValueTextEquals(name);
            reader.Read();
            if (isIt)
                return reader.GetString();
            reader.Skip();
        }
        return null;
    }

    public static string RoomPath(string roomId) => $"/_matrix/client/v3/rooms/{Uri.EscapeDataString(roomId)}";

    public void Dispose() => connection.Dispose();
}
