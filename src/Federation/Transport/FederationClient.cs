using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;

namespace Matrix.EventSourced.Federation.Transport;

/// <summary>The server-server API as seen by who calls it: one method per endpoint.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #api-standards and the heading of each endpoint.
/// Shape: the parts of this class are by topic: memberships, rooms, queries.
/// Errors: values, see <see cref="FederationResult{T}"/>. Answers are checked for shape only.
/// </remarks>
public sealed partial class FederationClient(IFederationTransport transport)
{
    private delegate T? AnswerReader<T>(ReadOnlyMemory<byte> body) where T : class;

    private async ValueTask<FederationResult<T>> SendAsync<T>(
        FederationRequest request, AnswerReader<T> read, CancellationToken cancellationToken)
        where T : class
    {
        var answer = await transport.SendAsync(request, cancellationToken);
        if (answer is not FederationAnswer.Answered answered)
            return new FederationResult<T>.Failed(answer);
        if (answered.Status != 200)
            return new FederationResult<T>.Refused(AnswerReading.Error(answered));
        try
        {
            return read(answered.Body) is { } value
                ? new FederationResult<T>.Ok(value)
                : new FederationResult<T>.Malformed("a member is missing or of another kind");
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException or FormatException)
        {
            // Their bytes, whatever they are, never stop us.
            return new FederationResult<T>.Malformed(problem.Message);
        }
    }

    private static FederationRequest Get(ServerName destination, string uri) => new(destination, "GET", uri);

    private static FederationRequest Put(ServerName destination, string uri, ReadOnlyMemory<byte> content) =>
        new(destination, "PUT", uri) { Content = content };

    private static FederationRequest Post(ServerName destination, string uri, ReadOnlyMemory<byte> content) =>
        new(destination, "POST", uri) { Content = content };

    private static FederationRequest OfWholeRoom(FederationRequest request) => request with
    {
        Timeout = FederationLimits.RoomTimeout,
        BodyBytesMax = FederationLimits.RoomBodyBytesMax,
    };

    /// <summary>Path segments, escaped, under a prefix.</summary>
    private static string Path(string prefix, params ReadOnlySpan<string> segments)
    {
        var path = new StringBuilder(prefix);
        foreach (var segment in segments)
            path.Append('/').Append(Uri.EscapeDataString(segment));
        return path.ToString();
    }

    private static string Query(string path, params ReadOnlySpan<(string Name, string? Value)> parameters)
    {
        var uri = new StringBuilder(path);
        var separator = '?';
        foreach (var (name, value) in parameters)
        {
            if (value is null)
                continue;
            uri.Append(separator).Append(name).Append('=').Append(Uri.EscapeDataString(value));
            separator = '&';
        }
        return uri.ToString();
    }

    /// <summary>The content of a request in the form that is signed and sent.</summary>
    private static byte[] Content(Action<Utf8JsonWriter> write)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { MaxDepth = Limits.JsonDepthMax }))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }
        return CanonicalJson.Canonicalise(buffer.WrittenSpan);
    }

    private static string Text(bool value) => value ? "true" : "false";

    private static string Text(long value) => value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
