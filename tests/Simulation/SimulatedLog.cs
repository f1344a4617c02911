using System.Runtime.CompilerServices;
using Matrix.EventSourced.EventStore;

namespace Matrix.EventSourced.Simulation.Tests;

/// <summary>The log as one process reaches it: appends take their time, may fail before or after they are durable, and
/// nothing gets through once the process is dead.</summary>
internal sealed class SimulatedLog(IEventStore inner, Random random, Func<ValueTask>? delay = null) : IEventStore
{
    private const string IsFull = "The disk is full.";
    private const string IsUnsure = "The disk did not say whether it has it.";
    private const string Died = "This process is dead.";

    private int _appends;

    /// <summary>What injected faults say.</summary>
    public static readonly IReadOnlyList<string> Sentences = [IsFull, IsUnsure, Died];

    public bool IsDead { get; set; }

    /// <summary>The number of the append that fails next; null for none.</summary>
    public int? FailsAt { get; private set; }

    public bool FailsAfterDurable { get; private set; }

    /// <summary>Called after each append that is durable.</summary>
    public Action? Appended { get; init; }

    /// <summary>Appends that failed so far.</summary>
    public int Failures { get; private set; }

    public void FailLater(int appends, bool afterDurable)
    {
        FailsAt = _appends + appends;
        FailsAfterDurable = afterDurable;
    }

    public void FailNoMore() => FailsAt = null;

    public async ValueTask<AppendResult> AppendAsync(
        StreamName stream,
        ExpectedRevision expected,
        IReadOnlyList<NewRecord> records,
        Durability durability = Durability.Durable,
        CancellationToken cancellationToken = default)
    {
        await PauseAsync();
        var fails = ++_appends == FailsAt;
        if (fails && !FailsAfterDurable)
            throw Fail(IsFull);
        var result = await inner.AppendAsync(stream, expected, records, durability, cancellationToken);
        Appended?.Invoke();
        if (fails)
            throw Fail(IsUnsure);
        await PauseAsync();
        return result;
    }

    public ValueTask SetStreamMetadataAsync(
        StreamName stream, StreamMetadata metadata, CancellationToken cancellationToken = default) =>
        inner.SetStreamMetadataAsync(stream, metadata, cancellationToken);

    public ValueTask<AppendResult> DeleteAsync(
        StreamName stream, ExpectedRevision expected, CancellationToken cancellationToken = default) =>
        inner.DeleteAsync(stream, expected, cancellationToken);

    public ValueTask<AppendResult> TombstoneAsync(
        StreamName stream, ExpectedRevision expected, CancellationToken cancellationToken = default) =>
        inner.TombstoneAsync(stream, expected, cancellationToken);

    public ValueTask<StreamState> ReadStreamStateAsync(
        StreamName stream, CancellationToken cancellationToken = default) =>
        inner.ReadStreamStateAsync(stream, cancellationToken);

    public async ValueTask<LogPosition> ReadHeadAsync(CancellationToken cancellationToken = default)
    {
        await PauseAsync();
        return await inner.ReadHeadAsync(cancellationToken);
    }

    public async IAsyncEnumerable<LogRecord> ReadStreamAsync(
        StreamName stream,
        long? fromRevision,
        ReadDirection direction,
        long maxCount,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await PauseAsync();
        await foreach (var record in inner.ReadStreamAsync(stream, fromRevision, direction, maxCount, cancellationToken))
            yield return record;
    }

    public IAsyncEnumerable<LogRecord> ReadAllAsync(
        LogPosition? from,
        ReadDirection direction,
        long maxCount,
        RecordFilter? filter = null,
        CancellationToken cancellationToken = default) =>
        inner.ReadAllAsync(from, direction, maxCount, filter, cancellationToken);

    public IAsyncEnumerable<SubscriptionMessage> SubscribeAsync(
        LogPosition after, RecordFilter? filter = null, CancellationToken cancellationToken = default) =>
        inner.SubscribeAsync(after, filter, cancellationToken);

    public ValueTask<StreamMetadata> ReadStreamMetadataAsync(
        StreamName stream, CancellationToken cancellationToken = default) =>
        inner.ReadStreamMetadataAsync(stream, cancellationToken);

    /// <summary>Lets others go first, now and then.</summary>
    public async ValueTask PauseAsync()
    {
        for (var turns = random.Next(3); turns > 0; turns--)
            await Task.Yield();
        if (delay is not null)
            await delay();
        if (IsDead)
            throw new EventStoreException(Died);
    }

    private EventStoreException Fail(string message)
    {
        FailsAt = null;
        Failures++;
        return new EventStoreException(message);
    }
}
