using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.DelayedEvents;
using Matrix.EventSourced.Projections.DelayedEvents;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.AppServices;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.Adapters;

/// <summary>Which delayed events wait, from their projection.</summary>
internal sealed class DelayedEventLookup(DelayedEventQueries queries, IProjectionGate gate) : IDelayedEventLookup
{
    public async ValueTask<(int Count, long? FirstDueMs)> CountAsync(
        UserId userId, CancellationToken cancellationToken)
    {
        await gate.RequireHeadAsync(DelayedEventsProjection.Gate, cancellationToken);
        return await queries.CountAsync(userId.Value, cancellationToken);
    }

    public async ValueTask<IReadOnlyList<string>> FindDueAsync(
        long nowMs, int limit, CancellationToken cancellationToken)
    {
        await gate.RequireHeadAsync(DelayedEventsProjection.Gate, cancellationToken);
        return await queries.FindDueAsync(nowMs, limit, cancellationToken);
    }
}

/// <summary>Delayed events count like those that their user sends at once; nobody counts those of an application
/// service that may send what it wants.</summary>
internal sealed class SendingLimit(RateLimiter limiter, AppserviceSet services) : ISendingLimit
{
    public long Take(UserId userId)
    {
        foreach (var service in services.All)
        {
            if (!service.IsRateLimited && service.OwnsUser(userId))
                return 0;
        }
        return limiter.Take(userId.Value, RateClass.Message);
    }
}
