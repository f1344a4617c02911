using System.Collections.Frozen;
using System.Runtime.CompilerServices;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Sync;

namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>The read model of rooms: PDUs, their timelines, state at any position, memberships, aliases, the public
/// directory.</summary>
/// <remarks>
/// One projection for what Roomserver queries and /sync read: a message is written once, and one position covers both
/// (ADR 0020).
/// After a batch committed, <see cref="LiveView"/> gets the same rows for the long polls; account data is handled only
/// for that.
/// </remarks>
public sealed class RoomserverProjection(LiveView live) : IProjection
{
    public const string ProjectionName = "roomserver";

    private readonly ConditionalWeakTable<ProjectionBatch, RoomserverChanges> _applied = [];
    private RoomserverSql? _sql;

    public string Name => ProjectionName;

    public int Version => 5;

    public FrozenSet<string> Handles { get; } = FrozenSet.Create(
        StringComparer.Ordinal,
        FactNames.PduRecorded,
        FactNames.AliasCreated,
        FactNames.AliasDeleted,
        FactNames.RoomVisibilityChanged,
        FactNames.RoomForgotten,
        FactNames.AccountDataSet);

    public string Ddl => RoomserverSchema.Ddl;

    public async ValueTask ApplyAsync(ProjectionBatch batch, CancellationToken cancellationToken)
    {
        if (batch.Facts.Count == 0)
            return;
        await new StateNodeReplay(batch, batch.Schema).EnsureRootsAsync(cancellationToken);
        var rows = RoomserverRows.From(batch.Facts);
        var writer = new RoomserverBatchWriter(rows, SqlFor(batch.Schema), batch.Connection, batch.Transaction);
        await writer.WriteAsync(cancellationToken);
        _applied.AddOrUpdate(batch, new RoomserverChanges(rows, writer.Redacted, (long)batch.UpTo.Value));
    }

    public void WentLive(string schema, LogPosition upTo) => live.Reset((long)upTo.Value);

    public void Committed(ProjectionBatch batch)
    {
        if (_applied.TryGetValue(batch, out var changes))
            live.Apply(changes, (long)batch.Facts[0].Record.Position.Value);
        else if (batch.Facts.Count == 0)
            live.Advance((long)batch.UpTo.Value);
        else
            // A part of a batch whose other facts were announced before a crash of PostgreSQL: rare enough to start
            // over.
            live.Reset((long)batch.UpTo.Value);
    }

    private RoomserverSql SqlFor(string schema)
    {
        var sql = _sql;
        return sql?.Schema == schema ? sql : _sql = new(schema);
    }
}

/// <summary>What a committed batch means for those who keep rooms in memory.</summary>
public sealed class RoomserverChanges
{
    internal RoomserverChanges(RoomserverRows rows, IReadOnlyList<OlderRedaction> redactions, long upTo)
    {
        (Redactions, UpTo) = (redactions, upTo);
        foreach (var row in rows.Pdus)
        {
            if (row.Fact.Disposition == Facts.Roomserver.PduDisposition.Accepted)
                Timeline.Add(new(row.ToStoredEvent(), HasForeignState(row), ChangesMembers(row), row.IsAfterGap));
            else if (!row.Fact.StateAdded.IsEmpty || !row.Fact.StateRemoved.IsEmpty)
                StateOnly.Add((row.RoomId, row.Position));
            if (ChangesGuestAccess(row))
                GuestAccess.Add(row.RoomId);
        }
        foreach (var (key, row) in rows.Memberships)
            Memberships.Add((key.User, key.Room, row));
        Accounts = rows.AccountDataChanges;
    }

    internal List<TimelineChange> Timeline { get; } = [];

    /// <summary>Rooms that treat guests in another way from now on, maybe.</summary>
    internal List<string> GuestAccess { get; } = [];

    /// <summary>State that moved without a PDU on the timeline.</summary>
    internal List<(string Room, long Position)> StateOnly { get; } = [];
    internal List<(string User, string Room, MembershipRow Row)> Memberships { get; } = [];
    internal List<(string User, long Position)> Accounts { get; }
    internal IReadOnlyList<OlderRedaction> Redactions { get; }
    internal long UpTo { get; }

    private static bool HasForeignState(PduRow row)
    {
        if (!row.Fact.StateRemoved.IsEmpty)
            return true;
        foreach (var entry in row.Fact.StateAdded)
        {
            if (entry.EventId != row.Fact.EventId)
                return true;
        }
        return false;
    }

    private static bool ChangesGuestAccess(PduRow row)
    {
        foreach (var entry in row.Fact.StateAdded)
        {
            if (entry.Tuple.Type == "m.room.guest_access")
                return true;
        }
        foreach (var tuple in row.Fact.StateRemoved)
        {
            if (tuple.Type == "m.room.guest_access")
                return true;
        }
        return false;
    }

    private static bool ChangesMembers(PduRow row)
    {
        foreach (var entry in row.Fact.StateAdded)
        {
            if (entry.Tuple.Type == "m.room.member")
                return true;
        }
        return false;
    }
}

/// <summary>A PDU that came onto a timeline, whether the state moved by more than it, and whether something is missing
/// before it.</summary>
internal sealed record TimelineChange(
    StoredEvent Event, bool HasForeignState, bool ChangesMembers, bool IsAfterGap);
