using System.Collections.Frozen;
using System.Runtime.CompilerServices;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.FedSender;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;
using Names = Matrix.EventSourced.Facts.FactNames;

namespace Matrix.EventSourced.Projections.FedSender;

/// <summary>Joined hosts, and what waits for which server.</summary>
/// <remarks>
/// One row per destination and fact; rows go by the facts that say what was delivered. In a rebuild, what a destination
/// took already is asked of its stream first, so that years of delivered rows are not made only to be deleted: the
/// outcome is the same.
/// </remarks>
public sealed class FedSenderProjection(FedSenderSignals signals, IEventReader log, ServerName us) : IProjection
{
    public const string ProjectionName = "fedsender";

    private readonly ConditionalWeakTable<ProjectionBatch, FedSenderState> _batchToState = [];

    public string Name => ProjectionName;

    public int Version => 3;

    public FrozenSet<string> Handles { get; } = FrozenSet.Create(
        StringComparer.Ordinal,
        [Names.PduRecorded, Names.TransactionDelivered, Names.DeliveryFailed, .. EduAudience.FactNames]);

    /// <summary>Most of what others say here is sent on by nobody, and moves no server in or out.</summary>
    public bool Concerns(IFact fact) =>
        fact is not PduRecorded { SendOn: null, StateAdded.IsEmpty: true, StateRemoved.IsEmpty: true } pdu
        || pdu.Pdu.Utf8.Span.IndexOf("m.room.member"u8) >= 0;

    public string Ddl => FedSenderSchema.Ddl;

    public async ValueTask ApplyAsync(ProjectionBatch batch, CancellationToken cancellationToken)
    {
        if (batch.Facts.Count == 0)
            return;
        var state = new FedSenderState(us.Value, FedSenderPlan.Of(batch.Facts, us.Value));
        var tables = new FedSenderTables(batch);
        await tables.LoadAsync(state, cancellationToken);
        if (batch.IsRebuild)
            await SkipDeliveredAsync(state, cancellationToken);
        foreach (var record in batch.Facts)
            state.Apply(record);
        await tables.WriteAsync(state, cancellationToken);
        _batchToState.AddOrUpdate(batch, state);
    }

    public void WentLive(string schema, LogPosition upTo) => signals.Reset();

    public void Committed(ProjectionBatch batch)
    {
        if (_batchToState.TryGetValue(batch, out var state))
        {
            signals.Queued(state.Queued.Keys);
            signals.Parted(new(
                state.Parted, state.LeftRooms, (long)batch.Facts[0].Record.Position.Value));
            signals.Joined(state.FederatedJoins);
        }
        else if (batch.Facts.Count > 0)
        {
            // A part of a batch that was announced before a crash of PostgreSQL.
            signals.Reset();
        }
    }

    private async ValueTask SkipDeliveredAsync(FedSenderState state, CancellationToken cancellationToken)
    {
        foreach (var destination in state.LoadedHosts.Where(host => host != us.Value).ToList())
        {
            var stream = new StreamName(StreamCategories.Destination, destination);
            await foreach (var record in log.ReadStreamAsync(
                stream, null, ReadDirection.Backwards, 1, cancellationToken))
            {
                state.Skip(destination, FactCodec.Decode(record.Type, record.Data) switch
                {
                    TransactionDelivered fact => fact.UpTo,
                    DeliveryFailed fact => fact.DeliveredUpTo,
                    _ => 0,
                });
            }
        }
    }
}

/// <summary>Tells the FedSender that something waits.</summary>
public sealed class FedSenderSignals
{
    private volatile Action<IReadOnlyCollection<string>?>? _listener;
    private volatile Action<Partings?>? _partings;
    private volatile Action<IReadOnlyList<(string User, string Room)>>? _joins;

    /// <summary>Shape: null means that any destination may have something.</summary>
    public void Listen(Action<IReadOnlyCollection<string>?>? listener) => _listener = listener;

    /// <summary>Shape: users of ours who joined rooms that other servers are in, and those rooms.</summary>
    public void ListenToJoins(Action<IReadOnlyList<(string User, string Room)>>? listener) => _joins = listener;

    internal void Joined(IReadOnlyList<(string User, string Room)> joins)
    {
        if (joins.Count > 0)
            _joins?.Invoke(joins);
    }

    /// <summary>Who hears it hears of it before reads that wait for it go on. Null: anybody may have parted.</summary>
    public void ListenToPartings(Action<Partings?>? listener) => _partings = listener;

    internal void Parted(Partings partings)
    {
        if (partings.Users.Count + partings.LeftRooms.Count > 0)
            _partings?.Invoke(partings);
    }

    internal void Queued(IReadOnlyCollection<string> destinations)
    {
        if (destinations.Count > 0)
            _listener?.Invoke(destinations);
    }

    internal void Reset()
    {
        _listener?.Invoke(null);
        _partings?.Invoke(null);
    }
}

/// <summary>Who may share no room with this server any more, since a position.</summary>
/// <remarks>Shape: Users of other servers who left rooms; LeftRooms, those that the last user of ours left.</remarks>
public sealed record Partings(IReadOnlyCollection<string> Users, IReadOnlyCollection<string> LeftRooms, long Position);
