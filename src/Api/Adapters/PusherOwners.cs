using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.Adapters;

/// <summary>The read side's answer to who has a pusher, as of every write before the question.</summary>
internal sealed class PusherOwners(IPusherQueries queries, IProjectionGate gate) : IPusherOwners
{
    public async ValueTask<IReadOnlyList<UserId>> FindAsync(
        string appId, string pushKey, CancellationToken cancellationToken)
    {
        await gate.WaitForHeadAsync(UserApiProjection.Gate, cancellationToken);
        return await queries.OwnersAsync(appId, pushKey, cancellationToken);
    }
}
