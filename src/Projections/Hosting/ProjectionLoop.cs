using Matrix.EventSourced.EventStore;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Matrix.EventSourced.Projections.Hosting;

/// <summary>What every loop works with.</summary>
internal sealed record LoopServices(
    IEventReader Log,
    NpgsqlDataSource DataSource,
    TimeProvider Time,
    ProjectionOptions Options,
    ProjectionHealth Health,
    DecodedRecords Decoded,
    ILogger Logger);

/// <summary>Why a run of a loop came to its end.</summary>
internal enum LoopEnd
{
    /// <summary>It was asked to pause; it can go on where it is.</summary>
    Paused,

    /// <summary>It is where it was to go.</summary>
    Reached,

    /// <summary>It cannot go on; health says why.</summary>
    Stopped,
}

/// <summary>Moves one version of a projection along the log.</summary>
/// <remarks>
/// <code>
/// subscription ─► take ─► facts of one batch ─► transaction: checkpoint from→to │ Apply │ commit ─► Committed, waiters
///                  │ not handled: only the position moves (checkpoint later)
///                  └ nothing queued (live), or batch full (catching up): commit what there is
/// </code>
/// Catching up, a batch commits while the next one is read and decoded: PostgreSQL and this process both work.
/// INVARIANT: the checkpoint in PostgreSQL never passes a handled fact whose rows are not committed with it.
/// Errors: PostgreSQL or the log away → again from the checkpoint, with backoff; a fact that cannot be applied or
/// another writer → Stopped.
/// </remarks>
internal sealed partial class ProjectionLoop(
    ProjectionEntry entry,
    Checkpoint checkpoint,
    LoopServices services)
{
    private readonly IProjection _projection = entry.Projection;
    private readonly TableStatistics _statistics = new(checkpoint.Schema);
    private readonly List<DecodedRecord> _facts = [];
    private bool _isLive = checkpoint.IsLive;
    private LogPosition _announced = checkpoint.Position;
    private LogPosition _stored = checkpoint.Position;
    private LogPosition _seen = checkpoint.Position;
    private LogWitness? _witness = checkpoint.Witness;
    private (LogRecord Record, Exception Error)? _undecodable;
    private ProjectionBatch? _inDoubt;
    private Task? _committing;
    private Task? _lingering;
    private long? _committedAt;
    private int _bytes;
    private int _passed;
    private int _attempt;
    private bool _isOpenedOnce;
    private bool _isCaughtUp;

    public string Schema { get; } = checkpoint.Schema;

    /// <summary>Everything up to here is in the tables.</summary>
    public LogPosition Position { get; private set; } = checkpoint.Position;

    /// <summary>Records of the log that went through, handled or not; for the speed of a rebuild.</summary>
    public long RecordCount { get; private set; }

    /// <summary>Called after each commit until the version is live and has caught up.</summary>
    public Action? Progressed { get; set; }

    /// <summary>The version begins to serve from where it stands.</summary>
    public void GoLive()
    {
        _isLive = true;
        _announced = Position;
        entry.LiveSchema = Schema;
        services.Health.Clear(_projection.Name);
        _projection.WentLive(Schema, Position);
        entry.Applied.Follow(Position);
    }

    /// <summary>Follows the log until paused, until <paramref name="stopAt"/> is reached exactly, or until it has
    /// caught up.</summary>
    /// <param name="stopAt">Nothing behind this position is applied; null goes on.</param>
    /// <param name="untilCaughtUp">Whether the first arrival at the head is the end.</param>
    /// <param name="pause">Ends the run between two batches.</param>
    /// <param name="abort">Ends it inside a batch; its rows are rolled back.</param>
    public async Task<LoopEnd> RunAsync(
        LogPosition? stopAt,
        bool untilCaughtUp,
        CancellationToken pause,
        CancellationToken abort)
    {
        await Task.Yield();
        while (true)
        {
            try
            {
                pause.ThrowIfCancellationRequested();
                await using var connection = await services.DataSource.OpenConnectionAsync(pause);
                await ResumeAsync(connection, pause);
                try
                {
                    return await FollowAsync(connection, stopAt, untilCaughtUp, pause, abort);
                }
                finally
                {
                    // Only after an error: the connection goes back, so nobody may use it any more.
                    await IgnoreAsync(Interlocked.Exchange(ref _committing, null) ?? Task.CompletedTask);
                }
            }
            catch (OperationCanceledException) when (pause.IsCancellationRequested || abort.IsCancellationRequested)
            {
                return LoopEnd.Paused;
            }
            catch (ProjectionStoppedException e)
            {
                Stop(Position, null, e);
                return LoopEnd.Stopped;
            }
            catch (Exception e) when (e is not PoisonFactException && TransientFault.Is(e))
            {
                if (!await BackOffAsync(e, pause))
                    return LoopEnd.Paused;
            }
            catch (Exception e)
            {
                Stop(Position, null, e);
                return LoopEnd.Stopped;
            }
        }
    }

    /// <summary>Goes back to what PostgreSQL holds: after an error it may be less than this process believes, or one
    /// batch more.</summary>
    private async Task ResumeAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        _facts.Clear();
        _bytes = 0;
        _lingering = null;
        _undecodable = null;
        _isCaughtUp = false;
        var held = await CheckpointTable.ReadAsync(connection, Schema, cancellationToken)
            ?? throw new ProjectionStoppedException($"The checkpoint of {Schema} is gone; another process rebuilt it.");

        var inDoubt = _inDoubt;
        _inDoubt = null;
        if (inDoubt is not null && held == inDoubt.UpTo)
        {
            // The commit went through, only its answer was lost.
            _stored = held;
            Announce(inDoubt);
        }
        else if (_isOpenedOnce && held > _stored)
        {
            throw AnotherWriter(held);
        }
        else if (_isOpenedOnce && held < _stored)
        {
            // A crash of PostgreSQL loses the last commits (synchronous_commit=off); the log still has them.
            LogLostCommits(services.Logger, _projection.Name, _stored.Value, held.Value);
        }
        _isOpenedOnce = true;
        _stored = held;
        _seen = held;
        MoveTo(held);
    }

    private async Task<LoopEnd> FollowAsync(
        NpgsqlConnection connection,
        LogPosition? stopAt,
        bool untilCaughtUp,
        CancellationToken pause,
        CancellationToken abort)
    {
        if (stopAt is { } already && Position >= already)
            return LoopEnd.Reached;

        using var reading = CancellationTokenSource.CreateLinkedTokenSource(pause);
        var messages =
            services.Log.SubscribeAsync(Position, null, reading.Token).GetAsyncEnumerator(CancellationToken.None);
        Task<bool>? waiting = null;
        try
        {
            while (!pause.IsCancellationRequested)
            {
                // Live, a batch is whatever is queued: nothing ready means that those who wait want what we have. Where
                // nobody waits, a projection may ask for more of it.
                var move = messages.MoveNextAsync();
                bool isThere;
                if (move.IsCompleted)
                {
                    isThere = await move;
                }
                else
                {
                    waiting = move.AsTask();
                    if (_isCaughtUp && !await LingersUntilAsync(waiting))
                        await FlushAsync(connection, isEnd: false, abort);
                    isThere = await waiting;
                    waiting = null;
                }
                if (!isThere)
                    throw new EventStoreException("The subscription ended by itself.");

                var isFull = Take(messages.Current, stopAt, out var isReached);
                var isEnd = isReached || (untilCaughtUp && _isCaughtUp);
                if (isFull && !isEnd && !_isCaughtUp)
                    await FlushBehindAsync(connection, abort);
                else if (isFull || isEnd)
                    await FlushAsync(connection, isEnd, abort);
                if (isEnd)
                    return LoopEnd.Reached;
            }
        }
        catch (OperationCanceledException) when (pause.IsCancellationRequested && !abort.IsCancellationRequested)
        {
            waiting = null;
        }
        finally
        {
            if (waiting is not null)
            {
                await reading.CancelAsync();
                await IgnoreAsync(waiting);
            }
            await messages.DisposeAsync();
        }
        await FlushAsync(connection, isEnd: true, abort);
        return LoopEnd.Paused;
    }

    /// <summary>Holds the batch back while its projection's interval lasts and nobody wants it; true when the next
    /// message came first.</summary>
    private async ValueTask<bool> LingersUntilAsync(Task<bool> next)
    {
        if (_facts.Count == 0 || !_isLive || _committedAt is not { } last)
            return false;
        var left = _projection.CommitInterval - services.Time.GetElapsedTime(last);
        var wanted = entry.Applied.WantedAsync();
        if (left <= TimeSpan.Zero || wanted.IsCompleted)
            return false;
        _lingering ??= Task.Delay(left, services.Time);
        return await Task.WhenAny(next, wanted, _lingering) == next;
    }

    /// <summary>Takes one message into the batch; says whether the batch is to be committed now.</summary>
    private bool Take(SubscriptionMessage message, LogPosition? stopAt, out bool isReached)
    {
        isReached = false;
        // What is applied again after lost commits was announced already; what comes after it is a batch of its own.
        var before = _seen;
        switch (message)
        {
            case SubscriptionMessage.Recorded { Record: var record }:
                if (stopAt is { } end && record.Position > end)
                {
                    _seen = end;
                    isReached = true;
                    return true;
                }
                Take(record);
                break;
            case SubscriptionMessage.CaughtUp(var position):
                _isCaughtUp = true;
                See(position, stopAt);
                isReached = stopAt is { } e && _seen >= e;
                return true;
            case SubscriptionMessage.Checkpoint(var position):
                See(position, stopAt);
                break;
            case SubscriptionMessage.FellBehind:
                _isCaughtUp = false;
                break;
        }
        isReached = stopAt is { } stop && _seen >= stop;
        return isReached
            || (before < _announced && _seen >= _announced)
            || _undecodable is not null
            || _facts.Count >= (_isCaughtUp ? services.Options.LiveBatchMax : services.Options.CatchUpBatchMax)
            || _bytes >= services.Options.CatchUpBatchBytesMax
            || _passed >= services.Options.LazyCheckpointEvery;
    }

    private void Take(LogRecord record)
    {
        RecordCount++;
        if (!_projection.Handles.Contains(record.Type))
        {
            Pass(record);
            return;
        }
        try
        {
            var decoded = services.Decoded.Decode(record);
            if (!_projection.Concerns(decoded.Fact))
            {
                Pass(record);
                return;
            }
            _facts.Add(decoded);
            _bytes += record.Data.Length;
            _seen = record.Position;
            _witness = new LogWitness(record.Position, record.RecordId);
        }
        catch (Exception e)
        {
            _undecodable = (record, e);
        }
    }

    private void Pass(LogRecord record)
    {
        _passed++;
        See(record.Position, null);
        _witness = new LogWitness(record.Position, record.RecordId);
    }

    private void See(LogPosition position, LogPosition? stopAt)
    {
        var end = stopAt is { } stop ? LogPosition.Min(position, stop) : position;
        _seen = LogPosition.Max(_seen, end);
        // With no fact pending, what was seen is applied: nobody has to wait for a record that concerns others.
        if (_facts.Count == 0 && _committing is null && _seen > Position)
            MoveTo(_seen);
    }

    private void MoveTo(LogPosition position)
    {
        Position = position;
        if (_isLive)
            entry.Applied.MoveTo(position);
    }

    private static async Task IgnoreAsync(Task task)
    {
        try
        {
            await task;
        }
        catch (Exception)
        {
            // The read was given up; what it would have said is read again from the checkpoint.
        }
    }
}
