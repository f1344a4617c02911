using System.Text.Json;

namespace Matrix.EventSourced.Federation.Transport;

/// <summary>A typed answer of another server.</summary>
public abstract record FederationResult<T>
{
    private FederationResult()
    {
    }

    /// <summary>A 200 of the shape that the endpoint promises.</summary>
    public sealed record Ok(T Value) : FederationResult<T>;

    /// <summary>Any other status. Never passed on to a client without a whitelist.</summary>
    public sealed record Refused(RemoteError Error) : FederationResult<T>;

    /// <summary>A 200 that is not of the promised shape.</summary>
    public sealed record Malformed(string Problem) : FederationResult<T>;

    /// <summary>No usable answer: unreachable, timed out, denied or too large.</summary>
    public sealed record Failed(FederationAnswer Answer) : FederationResult<T>;

    /// <summary>The value, or default when there is none.</summary>
    public T? ValueOrDefault => this is Ok ok ? ok.Value : default;
}

/// <summary>An error as another server says it.</summary>
/// <remarks>Shape: ErrCode and Message are empty where the body is no Matrix error; Body is the JSON object for further
/// members (<c>room_version</c>), undefined where there is none.</remarks>
public sealed record RemoteError(int Status, string ErrCode, string Message, JsonElement Body)
{
    /// <summary>What Retry-After or <c>retry_after_ms</c> asks for.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Whether the server does not know the endpoint, so that an older one may be tried.</summary>
    /// <remarks>Spec: v1.19 server-server-api #unsupported-endpoints; older servers answer with a 404 or 405 that is no
    /// Matrix error, or with 400 M_UNRECOGNIZED.</remarks>
    public bool IsUnknownEndpoint =>
        (Status is 404 or 405 && ErrCode is "" or "M_UNRECOGNIZED") || (Status == 400 && ErrCode == "M_UNRECOGNIZED");
}
