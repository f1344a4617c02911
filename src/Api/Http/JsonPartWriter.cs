using System.IO.Pipelines;
using System.Text.Json;

namespace Matrix.EventSourced.Api.Http;

/// <summary>Writes a response part by part.</summary>
public sealed class JsonPartWriter(Utf8JsonWriter json, PipeWriter body, CancellationToken clientGone)
{
    public Utf8JsonWriter Json => json;

    /// <summary>Sends what was written, and waits while the client is slower than we are.</summary>
    public async ValueTask SendAsync()
    {
        await json.FlushAsync(clientGone);
        await body.FlushAsync(clientGone);
    }
}
