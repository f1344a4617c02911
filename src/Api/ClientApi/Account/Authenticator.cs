using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Projections.UserApi;
using MediatR;

namespace Matrix.EventSourced.Api.ClientApi.Account;

// HOT: asked for every request.

/// <summary>Access tokens to requesters, by way of the token's hash.</summary>
internal sealed class Authenticator(ITokenQueries tokens, TimeProvider time, IMediator mediator) : IAuthenticator
{
    public async ValueTask<Requester?> FindAsync(string accessToken, CancellationToken cancellationToken)
    {
        if (accessToken.Length > AccessTokens.LengthMax)
            return null;
        var hash = AccessTokens.Hash(accessToken);
        var owner = await tokens.FindAsync(hash, cancellationToken);
        if (owner is null)
            return null;
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        var isExpired = owner.ExpiresAtMs <= now;
        if (owner.EndsRefreshToken && !isExpired)
            await ConfirmAsync(owner, hash, now);
        return new Requester(owner.UserId, owner.DeviceId, owner.IsGuest, owner.IsAdmin, hash)
        {
            IsExpired = isExpired,
            IsLocked = owner.IsLocked,
            IsSuspended = owner.IsSuspended,
            ClientId = owner.ClientId,
        };
    }

    /// <summary>
    /// The first use of a refreshed token ends the refresh token that it came from. Once per refresh; the cache forgets
    /// the owner when the projection says that it is done.
    /// </summary>
    private async ValueTask ConfirmAsync(TokenOwner owner, string tokenSha256, long now)
    {
        var actor = new FactActor(User: owner.UserId.Value, Device: owner.DeviceId);
        var command = new ConfirmRefresh(
            new CommandContext(actor, now, "refresh " + tokenSha256), owner.UserId, tokenSha256);
        await mediator.Send(command, CancellationToken.None);
    }
}
