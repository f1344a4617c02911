using System.Collections.Concurrent;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Sync;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.Sync;

/// <summary>Stored filters, parsed once: a stored filter never changes.</summary>
internal sealed class StoredFilters(IFilterQueries filters, IProjectionGate gate)
{
    /// <summary>LIMIT: parsed filters kept. Ours: one or two per active user; when it is full, it starts
    /// over.</summary>
    private const int KeptMax = 10_000;

    private static readonly string[] Projections = ["userapi"];

    private readonly ConcurrentDictionary<(string User, string FilterId), SyncFilter> _parsed = new();

    public async ValueTask<SyncFilter?> FindAsync(UserId user, string filterId, CancellationToken cancellationToken)
    {
        if (_parsed.TryGetValue((user.Value, filterId), out var known))
            return known;
        await gate.WaitForHeadAsync(Projections, cancellationToken);
        if (await filters.FindAsync(
            user, filterId, cancellationToken) is not { } json || FilterReader.FindSyncFilter(json) is not { } filter)
            return null;
        if (_parsed.Count >= KeptMax)
            _parsed.Clear();
        return _parsed[(user.Value, filterId)] = filter;
    }
}
