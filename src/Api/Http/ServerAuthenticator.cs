using Matrix.EventSourced.Federation.FedSender;
using Matrix.EventSourced.Federation.ServerKeyApi;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Http;

/// <summary>Finds out which server sent a request, by its signature.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #request-authentication. The signature covers the body, so it is read first, bounded
/// by the endpoint.
/// Errors: 401 M_UNAUTHORIZED without a signature that holds; 413 M_TOO_LARGE; 400 M_NOT_JSON for a body that has no
/// canonical form.
/// </remarks>
public sealed class ServerAuthenticator(IRequestVerifier verifier, IFedSenderForFederationApi fedSender)
{
    /// <summary>LIMIT: headers that are tried. Ours: one key is usual, two during a rotation.</summary>
    private const int HeadersMax = 8;

    private static readonly MatrixError Missing =
        new(401, ErrCodes.Unauthorized, "The request is not signed: there is no X-Matrix header.");

    public async ValueTask<(SignedBy? SignedBy, MatrixError? Error)> AuthenticateAsync(
        HttpContext http, EndpointSpec spec, string rawTarget)
    {
        var headers = http.Request.Headers.Authorization;
        if (headers.Count == 0)
            return (null, Missing);
        var (body, problem) = await JsonBody.ReadBytesAsync(http, spec);
        if (problem is not null)
            return (null, problem);
        MatrixError? error = null;
        for (var i = 0; i < headers.Count && i < HeadersMax; i++)
        {
            var outcome = await verifier.VerifyAsync(
                http.Request.Method, rawTarget, headers[i], body, http.RequestAborted);
            switch (outcome)
            {
                case RequestVerification.Verified verified:
                    fedSender.ServerIsAlive(verified.Origin);
                    return (new SignedBy(verified.Origin, body), null);
                case RequestVerification.Refused refused:
                    error ??= refused.Error;
                    break;
            }
        }
        return (null, error ?? Missing);
    }
}
