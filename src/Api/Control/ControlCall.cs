using System.Collections.Immutable;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Matrix.EventSourced.Api.Control;

/// <summary>One command to the running server, and its answer line by line.</summary>
internal static class ControlCall
{
    /// <summary>Exit code 0 when the answer came whole, 1 when the server refused (said on standard error).</summary>
    public static async Task<int> RunAsync(
        HttpClient client, string path, ImmutableArray<string> words, Action<string> write)
    {
        using var message = new HttpRequestMessage(HttpMethod.Post, path);
        message.Content = new ReadOnlyMemoryContent(new ControlRequest(words, Environment.UserName).Write());
        message.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var response = await client.SendAsync(message, HttpCompletionOption.ResponseHeadersRead);
        if (!response.IsSuccessStatusCode)
        {
            var error = JsonElement.Parse(await response.Content.ReadAsByteArrayAsync());
            await Console.Error.WriteLineAsync(error.GetProperty("error").GetString());
            return 1;
        }
        await foreach (var line in ControlLines.ReadAsync(response.Content))
            write(line);
        return 0;
    }
}
