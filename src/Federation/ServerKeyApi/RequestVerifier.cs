using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Federation.ServerKeyApi;

/// <summary>Checks the credentials of requests from other servers.</summary>
/// <remarks>
/// Errors: 401 M_UNAUTHORIZED, with the reason for the log: no header, another destination, our own name, keys that
/// could not be had, a signature that does not hold.
/// Cost: one signature; a request to the other server when it is new to us.
/// </remarks>
public sealed class RequestVerifier(ServerIdentity identity, IServerKeyRing keys, TimeProvider time) : IRequestVerifier
{
    public async ValueTask<RequestVerification> VerifyAsync(
        string method,
        string uri,
        string? authorization,
        ReadOnlyMemory<byte> content,
        CancellationToken cancellationToken)
    {
        if (!XMatrixHeader.TryParse(authorization, out var header))
            return Refuse("there is no X-Matrix header that can be read");
        if (header.Destination is { } destination && destination != identity.Name)
            return Refuse($"it is for {destination}");
        if (header.Origin == identity.Name)
            return Refuse("it says that it is from this server itself");
        var nowMs = time.GetUtcNow().ToUnixTimeMilliseconds();
        var need = KeyNeed.ForRequest(header.Origin, header.KeyId, nowMs);
        var known = (await keys.FindAsync([need], cancellationToken))[0];
        if (known?.Keys.FindForRequest(header.KeyId, nowMs) is not { } key)
            return Refuse($"the key {header.KeyId} of {header.Origin} could not be had");
        var request = new SignedRequest(method, uri, header.Origin, header.Destination ?? identity.Name, content);
        return request.Verifies(header, key.PublicKey.Span)
            ? new RequestVerification.Verified(header.Origin)
            : Refuse($"the signature of {header.Origin} with {header.KeyId} does not hold");
    }

    private static RequestVerification.Refused Refuse(string reason) => new(
        new MatrixError(
            401, ErrCodes.Unauthorized, "The request is not signed by a server that we can verify.", reason));
}
