using System.Runtime.CompilerServices;
using Matrix.EventSourced.Projections.Hosting;
using Npgsql;

namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>A stretch of one room's timeline. Units: After exclusive, UpTo inclusive, log positions.</summary>
public readonly record struct TimelineRange(string RoomId, long After, long UpTo);

/// <summary>A room's state as of a position; After &gt; 0 asks only for what changed since.</summary>
public readonly record struct StateRange(string RoomId, long At, long After, bool WithMembers);

/// <summary>One state entry as of a position.</summary>
public readonly record struct StateEntryAt(string RoomId, long At, string Type, string StateKey);

/// <summary>A user's membership as of its last change. Since: where the run of equal memberships began.</summary>
public readonly record struct UserMembership(
    string RoomId, Membership Membership, bool IsForgotten, long Position, long Since, string EventId);

/// <summary>What a room list shows of a room that may have no name. Spec: client-server-api
/// #get_matrixclientv3sync (RoomSummary). Heroes:
/// always said, a name may go.</summary>
public sealed record RoomSummary(long Joined, long Invited, IReadOnlyList<string> Heroes);

/// <summary>Reads rooms for clients: every question is a few set-based statements in one round trip, bounded by
/// positions.</summary>
/// <remarks>Requires: the caller went through the gate, or knows the position it asks for as committed.</remarks>
public sealed class RoomReader(NpgsqlDataSource database, IProjectionSchemas schemas)
{
    private RoomReadSql? _sql;

    private RoomReadSql Sql
    {
        get
        {
            var live = schemas.Live(RoomserverProjection.ProjectionName);
            var sql = _sql;
            return sql?.Schema == live ? sql : _sql = new(live);
        }
    }

    /// <summary>Several questions for one round trip.</summary>
    public RoomReadBatch Begin() => new(new QueryBatch(database), Sql);

    public async ValueTask<RoomHistory> FindHistoryAsync(
        string roomId, string? userId, CancellationToken cancellationToken)
    {
        var batch = Begin();
        var histories = batch.Histories([roomId], userId);
        await batch.ExecuteAsync(cancellationToken);
        return histories[roomId];
    }

    public async ValueTask<IReadOnlyList<StoredEvent>> ReadStateAsync(
        StateRange range, CancellationToken cancellationToken)
    {
        var batch = Begin();
        var found = batch.State([range]);
        await batch.ExecuteAsync(cancellationToken);
        return found;
    }

    public async ValueTask<StoredEvent?> FindStateEntryAsync(StateEntryAt entry, CancellationToken cancellationToken)
    {
        var batch = Begin();
        var found = batch.StateEntries([entry]);
        await batch.ExecuteAsync(cancellationToken);
        return found.Count == 0 ? null : found[0];
    }

    public async ValueTask<IReadOnlyList<StoredEvent>> ReadStateEntriesAsync(
        IReadOnlyList<StateEntryAt> entries, CancellationToken cancellationToken)
    {
        var batch = Begin();
        var found = batch.StateEntries(entries);
        await batch.ExecuteAsync(cancellationToken);
        return found;
    }

    /// <summary>The member events of a room's state at a position, page by page.</summary>
    /// <remarks>Ensures: no connection to PostgreSQL is held between two pages, however slowly they are
    /// taken.</remarks>
    public async IAsyncEnumerable<IReadOnlyList<StoredEvent>> ReadMembersAsync(
        string roomId, long at, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (var after = MemberPlace.First; ;)
        {
            var batch = Begin();
            var page = batch.Members(roomId, at, after, MemberPage.Length);
            await batch.ExecuteAsync(cancellationToken);
            yield return page.Events;
            if (page.Events.Count < MemberPage.Length)
                yield break;
            after = page.Last;
        }
    }

    public async ValueTask<StoredEvent?> FindEventAsync(string eventId, CancellationToken cancellationToken)
    {
        var batch = Begin();
        var found = batch.AcceptedEvents([eventId]);
        await batch.ExecuteAsync(cancellationToken);
        return found.Count == 0 ? null : found[0];
    }

    /// <summary>At most <paramref name="limit"/> PDUs of one stretch, newest first when backwards.</summary>
    public async ValueTask<List<StoredEvent>> ReadTimelineAsync(
        TimelineStretch stretch, EventFilter filter, bool isBackwards, int limit, CancellationToken cancellationToken)
    {
        var batch = Begin();
        var found = batch.Timeline([stretch], filter, isBackwards, withHistory: true, limit);
        await batch.ExecuteAsync(cancellationToken);
        return found;
    }

    public async ValueTask<List<UserMembership>> ReadMembershipsAsync(
        string userId, CancellationToken cancellationToken)
    {
        var batch = Begin();
        var found = batch.UserMemberships(userId);
        await batch.ExecuteAsync(cancellationToken);
        return found;
    }
}
