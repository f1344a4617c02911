using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Federation.Transport;

/// <summary>One request to another server, and what became of it.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #api-standards, #request-authentication.
/// Ensures: never throws for what the other server or the network does; the answer's body is within the request's
/// bound. Cancellation by the caller is an OperationCanceledException.
/// The real one finds the server, guards addresses, signs and pools connections; a simulation passes the request to
/// another server in the same thread.
/// </remarks>
public interface IFederationTransport
{
    ValueTask<FederationAnswer> SendAsync(FederationRequest request, CancellationToken cancellationToken);
}

/// <summary>A request before it is signed.</summary>
/// <remarks>
/// Shape: Uri begins with <c>/_matrix</c>, escaped, with the query; it is signed and sent as it stands. Content is
/// canonical JSON, empty for none; these bytes are signed and sent.
/// </remarks>
public sealed record FederationRequest(ServerName Destination, string Method, string Uri)
{
    public ReadOnlyMemory<byte> Content { get; init; }

    /// <summary>Whether it carries X-Matrix credentials; the key endpoints take none.</summary>
    public bool IsSigned { get; init; } = true;

    /// <summary>Whether the destination may be this server: another program answers such requests under its
    /// name.</summary>
    public bool MayBeToUs { get; init; }

    /// <summary>From the first step of discovery to the last byte of the body.</summary>
    public TimeSpan Timeout { get; init; } = FederationLimits.RequestTimeout;

    public long BodyBytesMax { get; init; } = FederationLimits.BodyBytesMax;
}

/// <summary>What became of a request.</summary>
public abstract record FederationAnswer
{
    private FederationAnswer()
    {
    }

    /// <summary>The server answered, with whatever status.</summary>
    public sealed record Answered(int Status, ReadOnlyMemory<byte> Body) : FederationAnswer
    {
        /// <summary>What a Retry-After header asks for.</summary>
        public TimeSpan? RetryAfter { get; init; }
    }

    /// <summary>No answer: the name has no address, nothing listens, the certificate is another's, the connection
    /// broke.</summary>
    public sealed record Unreachable(string Reason) : FederationAnswer;

    /// <summary>No whole answer within the request's time.</summary>
    public sealed record TimedOut(TimeSpan After) : FederationAnswer;

    /// <summary>We do not talk to that address or name; nothing was sent.</summary>
    public sealed record Denied(string Reason) : FederationAnswer;

    /// <summary>The body is larger than the request allows; it was not read on.</summary>
    public sealed record TooLarge(long BytesMax) : FederationAnswer;
}

/// <summary>Bounds of outgoing requests, each with its source.</summary>
public static class FederationLimits
{
    /// <summary>LIMIT: an ordinary request. Ours: a server that needs longer is as good as away.</summary>
    public static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(30);

    /// <summary>LIMIT: a request whose answer is computed from a whole room. Ours: large rooms take others minutes.
    /// </summary>
    public static readonly TimeSpan RoomTimeout = TimeSpan.FromMinutes(3);

    /// <summary>LIMIT: a transaction. Ours: receivers fetch what is missing before they answer.</summary>
    public static readonly TimeSpan TransactionTimeout = TimeSpan.FromSeconds(60);

    /// <summary>LIMIT: a question to a policy server. Ours: somebody waits for their message to be sent.</summary>
    public static readonly TimeSpan PolicyTimeout = TimeSpan.FromSeconds(10);

    /// <summary>LIMIT: bytes of an answer. Ours: 50 PDUs of 64 KiB fit several times.</summary>
    public const long BodyBytesMax = 16 * 1024 * 1024;

    /// <summary>LIMIT: bytes of an answer with a whole room's state. Ours: 200,000 members and their auth chain.
    /// </summary>
    public const long RoomBodyBytesMax = 512 * 1024 * 1024;

    /// <summary>LIMIT: bytes of an answer that is small by nature (keys, versions, errors). Ours.</summary>
    public const long SmallBodyBytesMax = 256 * 1024;

    /// <summary>LIMIT: requests under way to one server. Ours: its other requests wait, other servers' do
    /// not.</summary>
    public const int RequestsPerDestinationMax = 16;

    /// <summary>LIMIT: large answers under way from one server. Ours: they share its connections with all else.
    /// </summary>
    public const int StreamsPerDestinationMax = 4;
}
