using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Projections.UserApi;

namespace Matrix.EventSourced.Api.ClientApi.Account;

// HOT: asked for every request.

/// <summary>Access tokens to requesters, by way of the token's hash.</summary>
internal sealed class Authenticator(ITokenQueries tokens, TimeProvider time) : IAuthenticator
{
    public async ValueTask<Requester?> FindAsync(string accessToken, CancellationToken cancellationToken)
    {
        if (accessToken.Length > AccessTokens.LengthMax)
            return null;
        var hash = AccessTokens.Hash(accessToken);
        var owner = await tokens.FindAsync(hash, cancellationToken);
        if (owner is null || owner.ExpiresAtMs <= time.GetUtcNow().ToUnixTimeMilliseconds())
            return null;
        return new Requester(owner.UserId, owner.DeviceId, owner.IsGuest, owner.IsAdmin, hash);
    }
}
