using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.KeyServer;

/// <summary>A key of one algorithm of one device, to be given out.</summary>
public sealed record KeyClaim(UserId UserId, string DeviceId, string Algorithm);

/// <summary>A key that was given out.</summary>
public sealed record ClaimedKey(UserId UserId, string DeviceId, OneTimeKey Key);

/// <summary>Gives out keys of devices of this server's users; those that have none are left out.</summary>
/// <remarks>Spec: v1.19 client-server-api #post_matrixclientv3keysclaim, server-server-api
/// #post_matrixfederationv1userkeysclaim.</remarks>
public sealed record ClaimKeys(CommandContext Context, IReadOnlyList<KeyClaim> Claims)
    : ICommand<IReadOnlyList<ClaimedKey>>;

public sealed class ClaimKeysValidator : AbstractValidator<ClaimKeys>
{
    public ClaimKeysValidator() => RuleFor(command => command.Claims)
        .Must(claims => claims.Count <= Limits.ClaimsPerRequestMax)
        .WithMessage($"At most {Limits.ClaimsPerRequestMax} keys can be claimed at once.");
}

public sealed class ClaimKeysHandler(OneTimeKeyBook book)
    : IRequestHandler<ClaimKeys, CommandResult<IReadOnlyList<ClaimedKey>>>
{
    /// <summary>LIMIT: claims of one request at work at once. Ours: as many as one flush of the log can take
    /// together.</summary>
    private const int AtOnceMax = 64;

    public async Task<CommandResult<IReadOnlyList<ClaimedKey>>> Handle(
        ClaimKeys command, CancellationToken cancellationToken)
    {
        var claimed = new List<ClaimedKey>(command.Claims.Count);
        foreach (var some in command.Claims.Chunk(AtOnceMax))
        {
            // Side by side: their appends go to disk together.
            var keys = await Task.WhenAll(some.Select(claim => book
                .ClaimAsync(claim.UserId, claim.DeviceId, claim.Algorithm, command.Context).AsTask()));
            for (var i = 0; i < keys.Length; i++)
            {
                if (keys[i] is { } key)
                    claimed.Add(new(some[i].UserId, some[i].DeviceId, key));
            }
        }
        return new CommandResult<IReadOnlyList<ClaimedKey>>.Done(claimed, LogPosition.Start);
    }
}
