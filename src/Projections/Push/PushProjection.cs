using System.Collections.Frozen;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Projections.EduServer;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.Push;

/// <summary>What notifies whom: push rules applied to each PDU when it is accepted.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #receiving-notifications, #push-rules.
/// One row for all who have the predefined rules, so that a PDU costs the same in a room of ten and of ten thousand; a
/// row of one's own where a user's rules say something else (ADR 0067). Receipts and whom one ignores are looked at
/// when counts are read, since both may change afterwards.
/// </remarks>
public sealed class PushProjection(LiveUnread live, ServerName us) : IProjection
{
    public const string ProjectionName = "push";

    /// <summary>The account data that holds push rules.</summary>
    public const string RulesType = "m.push_rules";

    /// <summary>The thread of what is in no thread. Spec: v1.19 client-server-api #threaded-read-receipts.</summary>
    public const string MainThread = "main";

    /// <summary>What a reader waits for.</summary>
    public static readonly string[] Gate =
        [ProjectionName, RoomserverProjection.ProjectionName, EduServerProjection.ProjectionName];

    private readonly PushRulesOf _rules = new(us);

    public string Name => ProjectionName;

    public int Version => 1;

    public TimeSpan CommitInterval => ProjectionOptions.LazyCommits;

    public FrozenSet<string> Handles { get; } = FrozenSet.Create(
        StringComparer.Ordinal, FactNames.PduRecorded, FactNames.AccountDataSet);

    public string Ddl => PushSchema.Ddl;

    public async ValueTask ApplyAsync(ProjectionBatch batch, CancellationToken cancellationToken)
    {
        var plan = PushPlan.Of(batch.Facts, us);
        if (plan.Steps.Count == 0)
            return;
        var state = new PushState(plan, _rules);
        var tables = new PushTables(batch);
        await tables.LoadAsync(state, _rules, cancellationToken);
        foreach (var step in plan.Steps)
            state.Apply(step);
        await tables.WriteAsync(state, cancellationToken);
    }

    public void WentLive(string schema, LogPosition upTo) => live.Reset((long)upTo.Value);

    public void Committed(ProjectionBatch batch)
    {
        foreach (var (record, fact, _) in batch.Facts)
        {
            if (fact is PduRecorded { Disposition: PduDisposition.Accepted } recorded)
                live.RoomChanged(recorded.RoomId.Value, (long)record.Position.Value);
        }
    }
}

/// <summary>Which rooms may have other counts than before: what a sync looks at before it asks PostgreSQL.</summary>
/// <remarks>Bounded; about what it does not know it says that there may be something. LOCK: a leaf.</remarks>
public sealed class LiveUnread
{
    /// <summary>LIMIT: rooms remembered. Ours: some megabytes; more rooms than are alive at once.</summary>
    private const int RoomsMax = 50_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, long> _roomIdToLast = new(StringComparer.Ordinal);
    private long _knownFrom = long.MaxValue;

    internal void Reset(long upTo)
    {
        lock (_lock)
        {
            _roomIdToLast.Clear();
            _knownFrom = upTo;
        }
    }

    internal void RoomChanged(string roomId, long position)
    {
        lock (_lock)
        {
            if (_roomIdToLast.Count >= RoomsMax && !_roomIdToLast.ContainsKey(roomId))
            {
                _knownFrom = _roomIdToLast.Values.Max();
                _roomIdToLast.Clear();
            }
            _roomIdToLast[roomId] = position;
        }
    }

    /// <summary>False only when no PDU came to the room after the position.</summary>
    public bool MayHaveNews(string roomId, long after)
    {
        lock (_lock)
            return after < _knownFrom || (_roomIdToLast.TryGetValue(roomId, out var last) && last > after);
    }
}
