using Matrix.EventSourced.Commands.MediaApi;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.MediaApi;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.Adapters;

/// <summary>The read side's answer to what a user has uploaded, as of every write before the question.</summary>
internal sealed class MediaUsageLookup(MediaQueries queries, IProjectionGate gate) : IMediaUsage
{
    public async ValueTask<MediaUsage> FindAsync(UserId userId, long nowMs, CancellationToken cancellationToken)
    {
        // A bound is decided by it, so what is older than the head is no answer.
        await gate.RequireHeadAsync(MediaProjection.Gate, cancellationToken);
        var (pending, bytes) = await queries.UsageAsync(userId, nowMs, cancellationToken);
        return new MediaUsage(pending, bytes);
    }
}
