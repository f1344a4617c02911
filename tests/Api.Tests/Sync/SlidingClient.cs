using System.Globalization;
using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Sync;

/// <summary>One connection of sliding sync.</summary>
/// <remarks>Shape: <paramref name="isOlder"/> speaks the form that clients use today, with pos and timeout in the
/// query.</remarks>
internal sealed class SlidingClient(TestUser user, bool isOlder, string connection = "main")
{
    public string? Pos { get; set; }

    /// <summary>Asks with the members of a body, and goes on from the answer.</summary>
    public async Task<JsonElement> AskAsync(string members, int timeoutMs = 0)
    {
        var answer = (await TryAsync(members, timeoutMs)).Ok();
        Pos = answer.Text("pos");
        return answer;
    }

    public Task<Reply> TryAsync(string members, int timeoutMs = 0)
    {
        var start = $$"""{"conn_id":"{{connection}}" """;
        if (!isOlder)
        {
            start += string.Create(CultureInfo.InvariantCulture, $",\"timeout\":{timeoutMs}");
            if (Pos is not null)
                start += $",\"pos\":\"{Pos}\"";
        }
        var body = members.Length == 0 ? $"{start}}}" : $"{start},{members}}}";
        var query = string.Create(CultureInfo.InvariantCulture, $"?timeout={timeoutMs}");
        if (Pos is not null)
            query += $"&pos={Uri.EscapeDataString(Pos)}";
        return user.PostAsync(
            isOlder
                ? $"/_matrix/client/unstable/org.matrix.simplified_msc3575/sync{query}"
                : "/_matrix/client/v4/sync",
            body);
    }
}
