using System.Text.Json;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Microsoft.AspNetCore.Http;

namespace Matrix.EventSourced.Api.Http;

/// <summary>A routed, authenticated request as a handler sees it.</summary>
/// <remarks>
/// Path parameters are percent-decoded from the raw target, so that <c>%2F</c> inside a state key or an event id stays
/// inside its segment.
/// </remarks>
public sealed class MatrixRequest(
    HttpContext http,
    EndpointSpec spec,
    IReadOnlyList<KeyValuePair<string, string>> pathParameters,
    Requester? requester,
    SignedBy? signedBy,
    long receivedAtMs,
    Func<RateClass, MatrixError?>? count = null,
    CancellationToken serverStopping = default)
{
    public HttpContext Http => http;

    public EndpointSpec Spec => spec;

    /// <summary>The caller; throws where the endpoint's <see cref="AuthKind"/> does not promise one.</summary>
    public Requester Requester => requester ?? throw new InvalidOperationException("This endpoint takes no token.");

    /// <summary>The caller where a token is optional.</summary>
    public Requester? RequesterOrNull => requester;

    /// <summary>The server that signed the request, on endpoints for servers.</summary>
    public ServerName Origin => signedBy?.Origin ?? throw new InvalidOperationException("This endpoint is not signed.");

    /// <summary>The signed body as it came, verified; empty without one.</summary>
    public ReadOnlyMemory<byte> SignedBody => signedBy?.Body ?? default;

    /// <summary>When the request came in, Unix milliseconds.</summary>
    public long ReceivedAtMs => receivedAtMs;

    /// <summary>Ends when the client goes away. Only reads and waits may be cancelled by it, never a write.</summary>
    public CancellationToken ClientGone => http.RequestAborted;

    /// <summary>
    /// Ends when the server is asked to stop: a long poll then answers at once, as if its time had run out.
    /// </summary>
    public CancellationToken ServerStopping => serverStopping;

    public T Get<T>()
        where T : notnull => http.RequestServices.GetRequiredService<T>();

    /// <summary>Counts this request for a class, where <see cref="EndpointSpec.IsCountedByHandler"/>; the refusal when
    /// it is one too many.</summary>
    public MatrixError? Count(RateClass rateClass) => count?.Invoke(rateClass);

    /// <summary>A parameter of the path, percent-decoded; empty for an optional one that is not there.</summary>
    public string Path(string name)
    {
        foreach (var (key, value) in pathParameters)
        {
            if (key == name)
                return value;
        }
        return string.Empty;
    }

    /// <summary>The first value of a query parameter, or null.</summary>
    public string? Query(string name) => http.Request.Query.TryGetValue(name, out var values) ? values[0] : null;

    public CommandContext CommandContext(FactActor? actor = null) => new(
        actor ?? (signedBy is not null ? new FactActor(Server: signedBy.Origin.Value)
            : requester is null ? FactActor.Self
            : new FactActor(
                User: requester.UserId.Value, Device: requester.DeviceId.Length > 0 ? requester.DeviceId : null)),
        receivedAtMs,
        http.TraceIdentifier);

    /// <summary>
    /// The body as a JSON object; an empty body counts as <c>{}</c> where <paramref name="emptyAllowed"/>.
    /// </summary>
    /// <remarks>
    /// Errors: M_NOT_JSON for what is no JSON, M_BAD_JSON for a value that is no object, duplicate keys, lone
    /// surrogates, U+0000 or too deep a nesting, M_TOO_LARGE over the endpoint's limit.
    /// </remarks>
    public ValueTask<(JsonElement Body, MatrixError? Error)> ReadJsonObjectAsync(bool emptyAllowed = false) =>
        signedBy is null
            ? JsonBody.ReadObjectAsync(http, spec, emptyAllowed)
            : new(JsonBody.Parse(signedBy.Body.Span, spec.NulAllowed, emptyAllowed));
}

/// <summary>Which server signed a request, and the body that the signature covers.</summary>
public sealed record SignedBy(ServerName Origin, ReadOnlyMemory<byte> Body);
