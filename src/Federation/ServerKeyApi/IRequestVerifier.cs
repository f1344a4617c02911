using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Federation.ServerKeyApi;

/// <summary>Says which server sent a request.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #request-authentication.
/// Shape: Uri is the target as it came, from <c>/_matrix</c> on, with the query; Authorization is the header's value,
/// null without one (several are joined by the caller one by one: the first that verifies counts).
/// Errors: Refused(401 M_UNAUTHORIZED) for anything but a signature that holds.
/// </remarks>
public interface IRequestVerifier
{
    ValueTask<RequestVerification> VerifyAsync(
        string method,
        string uri,
        string? authorization,
        ReadOnlyMemory<byte> content,
        CancellationToken cancellationToken);
}

/// <summary>Who sent a request, or why that is not known.</summary>
public abstract record RequestVerification
{
    private RequestVerification()
    {
    }

    public sealed record Verified(ServerName Origin) : RequestVerification;

    public sealed record Refused(MatrixError Error) : RequestVerification;
}
