using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Commands.Messaging;

/// <summary>Load, decide, append; on a conflict read what is new and decide again.</summary>
/// <remarks>
/// <code>
///   cached state ──► decide ──► append at exactly its revision ──► evolve, cache
///        ▲              │ refused or nothing to do, from the cache       │ conflict
///        └── read the records after its revision ◄───────────────────────┘   (at most DecisionsMax decisions)
/// </code>
/// A cached state may be behind when another process writes, so a refusal is believed only after the stream was read.
/// LOCK: one command per stream at a time in this process (striped by name); nobody waits for a second stripe while
/// holding one.
/// Shape: durability, how its appends are acknowledged; bounds, what each of its streams keeps.
/// Cost: no read when the state is cached and the command writes.
/// </remarks>
public sealed class AggregateStore<TState>(
    IEventReader log,
    FactAppender appender,
    int capacity = AggregateStoreLimits.StatesMax,
    Durability durability = Durability.Durable,
    StreamMetadata? bounds = null)
    where TState : class, IAggregateState<TState>
{
    private readonly LruCache<string, Loaded<TState>> _cache = new(capacity);
    private readonly SemaphoreSlim[] _stripes = CreateStripes();

    /// <summary>The state as the log has it now.</summary>
    public ValueTask<Loaded<TState>> LoadAsync(StreamName stream, CancellationToken cancellationToken = default) =>
        CatchUpAsync(stream, _cache.Find(stream.Value), cancellationToken);

    public async ValueTask<Execution<TState>> ExecuteAsync(
        StreamName stream,
        Func<TState, Decision> decide,
        CommandContext context,
        CancellationToken cancellationToken = default)
    {
        var stripe = _stripes[StableHash(stream.Value) % (uint)_stripes.Length];
        await stripe.WaitAsync(cancellationToken);
        try
        {
            var loaded = _cache.Find(stream.Value);
            var isFresh = loaded is null;
            loaded ??= await CatchUpAsync(stream, null, cancellationToken);
            for (var decisions = 0; decisions < FactAppender.DecisionsMax; decisions++)
            {
                var decision = decide(loaded.State);
                var facts = decision is Decision.Accepted accepted ? accepted.Facts : [];
                if (facts.IsEmpty)
                {
                    if (!isFresh && await TryCatchUpAsync(stream, loaded, cancellationToken) is { } newer)
                    {
                        loaded = newer;
                        continue;
                    }
                    return decision is Decision.Refused refused
                        ? new Execution<TState>.Refused(refused.Error)
                        : new Execution<TState>.Done(loaded.State, loaded.State, loaded.Position);
                }
                var expected = loaded.Revision is { } revision
                    ? ExpectedRevision.Exactly(revision)
                    : ExpectedRevision.NoStream;
                var outcome = await appender.AppendAsync(stream, expected, facts, context, durability);
                if (outcome is AppendResult.Appended appended)
                {
                    if (bounds is not null && loaded.Revision is null)
                        await appender.BoundAsync(stream, bounds);
                    return Remember(stream, loaded, facts, appended);
                }
                loaded = await CatchUpAsync(stream, loaded, cancellationToken);
                isFresh = true;
            }
            return new Execution<TState>.Refused(new MatrixError(
                503, ErrCodes.Unknown, "Too many writers at once; try again.", $"conflicts on {stream.Value}"));
        }
        finally
        {
            stripe.Release();
        }
    }

    private Execution<TState>.Done Remember(
        StreamName stream, Loaded<TState> before, IReadOnlyList<IFact> facts, AppendResult.Appended appended)
    {
        var state = before.State;
        for (var i = 0; i < facts.Count; i++)
            state = state.Evolve(facts[i]);
        _cache.Set(stream.Value, new Loaded<TState>(state, appended.Revision, appended.Position));
        return new Execution<TState>.Done(before.State, state, appended.Position);
    }

    /// <summary>The newer state, or null when nothing is new.</summary>
    private async ValueTask<Loaded<TState>?> TryCatchUpAsync(
        StreamName stream, Loaded<TState> known, CancellationToken cancellationToken)
    {
        var newer = await CatchUpAsync(stream, known, cancellationToken);
        return newer.Revision == known.Revision ? null : newer;
    }

    private async ValueTask<Loaded<TState>> CatchUpAsync(
        StreamName stream, Loaded<TState>? known, CancellationToken cancellationToken)
    {
        var loaded = known ?? new Loaded<TState>(TState.Initial, null, LogPosition.Start);
        var (from, direction, maxCount) = TState.LastRecordOnly
            ? ((long?)null, ReadDirection.Backwards, 1L)
            : (loaded.Revision + 1, ReadDirection.Forwards, long.MaxValue);
        await foreach (var record in log.ReadStreamAsync(stream, from, direction, maxCount, cancellationToken))
        {
            if (record.Revision <= loaded.Revision)
                continue;
            var state = loaded.State.Evolve(FactCodec.Decode(record.Type, record.Data));
            loaded = new Loaded<TState>(state, record.Revision, record.Position);
        }
        if (loaded.Revision is not null)
            _cache.Set(stream.Value, loaded);
        return loaded;
    }

    /// <summary>FNV-1a: the same stripe for the same stream in every run.</summary>
    private static uint StableHash(string text)
    {
        var hash = 2_166_136_261u;
        foreach (var character in text)
            hash = (hash ^ character) * 16_777_619u;
        return hash;
    }

    private static SemaphoreSlim[] CreateStripes()
    {
        var stripes = new SemaphoreSlim[AggregateStoreLimits.StripesMax];
        for (var i = 0; i < stripes.Length; i++)
            stripes[i] = new SemaphoreSlim(1, 1);
        return stripes;
    }
}

/// <summary>Bounds of the aggregates in memory.</summary>
public static class AggregateStoreLimits
{
    /// <summary>LIMIT: states kept per kind of aggregate. Ours: a few KiB each, so tens of MiB at most.</summary>
    public const int StatesMax = 4_096;

    /// <summary>
    /// LIMIT: commands of one kind of aggregate at work at once. Ours: far above what the log's group commit can use.
    /// </summary>
    public const int StripesMax = 256;
}
