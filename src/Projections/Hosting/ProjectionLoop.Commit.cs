using Matrix.EventSourced.EventStore;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Matrix.EventSourced.Projections.Hosting;

internal sealed partial class ProjectionLoop
{
    /// <summary>Commits what was taken; at an end, or after many records of others, the checkpoint alone.</summary>
    private async Task FlushAsync(NpgsqlConnection connection, bool isEnd, CancellationToken abort)
    {
        await SettleAsync();
        if (_facts.Count > 0)
        {
            await CommitOrNarrowAsync(connection, TakeBatch(), abort);
        }
        else if (_seen > _stored && (isEnd || _passed >= services.Options.LazyCheckpointEvery))
        {
            await using var transaction = await connection.BeginTransactionAsync(abort);
            await AdvanceAsync(transaction, _seen, abort);
            await transaction.CommitAsync(abort);
            _stored = _seen;
            _passed = 0;
        }
        if (_seen > Position)
            MoveTo(_seen);
        if (_undecodable is { } bad)
            throw Poison(bad.Record, bad.Error);
        if (_attempt > 0 && _isCaughtUp)
        {
            _attempt = 0;
            services.Health.Clear(_projection.Name);
        }
        Progressed?.Invoke();
    }

    /// <summary>While catching up: leaves the batch to a commit that runs on while the next batch is taken.</summary>
    /// <remarks>Ensures: at most one such commit; its error comes out at the next flush.</remarks>
    private async Task FlushBehindAsync(NpgsqlConnection connection, CancellationToken abort)
    {
        if (_facts.Count == 0 || _undecodable is not null)
        {
            await FlushAsync(connection, isEnd: false, abort);
            return;
        }
        await SettleAsync();
        var taken = TakeBatch();
        _committing = Task.Run(
            async () =>
            {
                await CommitOrNarrowAsync(connection, taken, abort);
                Progressed?.Invoke();
            },
            CancellationToken.None);
    }

    private Task SettleAsync() => Interlocked.Exchange(ref _committing, null) ?? Task.CompletedTask;

    private TakenBatch TakeBatch()
    {
        var taken = new TakenBatch([.. _facts], _seen, _witness, IsRebuild: !_isCaughtUp);
        _facts.Clear();
        _bytes = 0;
        _passed = 0;
        return taken;
    }

    /// <summary>Commits the batch; when it cannot be applied, commits fact by fact up to the one that is to
    /// blame.</summary>
    private async Task CommitOrNarrowAsync(NpgsqlConnection connection, TakenBatch taken, CancellationToken abort)
    {
        Exception error;
        try
        {
            await CommitAsync(connection, taken, abort);
            return;
        }
        catch (Exception e) when (IsPoison(e, connection, abort))
        {
            error = e;
        }

        // A commit that failed while the connection stands did not happen.
        _inDoubt = null;
        var facts = taken.Facts;
        if (facts.Length == 1)
            throw Poison(facts[0].Record, error);
        LogNarrowing(services.Logger, error, _projection.Name, facts.Length, facts[0].Record.Position.Value);
        for (var i = 0; i < facts.Length; i++)
        {
            var record = facts[i].Record;
            var one = i == facts.Length - 1
                ? taken with { Facts = [facts[i]] }
                : taken with
                {
                    Facts = [facts[i]],
                    UpTo = record.Position,
                    Witness = new LogWitness(record.Position, record.RecordId),
                };
            try
            {
                await CommitAsync(connection, one, abort);
            }
            catch (Exception e) when (IsPoison(e, connection, abort))
            {
                throw Poison(record, e);
            }
        }
    }

    private static bool IsPoison(Exception e, NpgsqlConnection connection, CancellationToken abort) =>
        e is not ProjectionStoppedException
        && !(e is OperationCanceledException && abort.IsCancellationRequested)
        && !TransientFault.Is(e)
        && connection.FullState == System.Data.ConnectionState.Open;

    private async Task CommitAsync(NpgsqlConnection connection, TakenBatch taken, CancellationToken abort)
    {
        await using var transaction = await connection.BeginTransactionAsync(abort);
        var batch = new ProjectionBatch(
            Schema, connection, transaction, taken.Facts, taken.UpTo, taken.IsRebuild);
        if (!await CheckpointTable.AdvanceAsync(transaction, Schema, _stored, taken.UpTo, taken.Witness, abort))
            throw AnotherWriter(null);
        await _projection.ApplyAsync(batch, abort);
        _inDoubt = batch;
        await transaction.CommitAsync(abort);
        _inDoubt = null;
        _stored = taken.UpTo;
        _committedAt = services.Time.GetTimestamp();
        _lingering = null;
        var tag = new KeyValuePair<string, object?>("projection", _projection.Name);
        ProjectionMeter.Facts.Add(taken.Facts.Length, tag);
        ProjectionMeter.BatchFacts.Record(taken.Facts.Length, tag);
        Announce(batch);
        await _statistics.GrewAsync(taken.Facts.Length, connection, abort);
    }

    private async Task AdvanceAsync(NpgsqlTransaction transaction, LogPosition upTo, CancellationToken abort)
    {
        if (!await CheckpointTable.AdvanceAsync(transaction, Schema, _stored, upTo, _witness, abort))
            throw AnotherWriter(null);
    }

    /// <summary>Tells the projection first and then those who wait, so that they find its in-memory views
    /// current.</summary>
    private void Announce(ProjectionBatch batch)
    {
        if (_isLive && batch.UpTo > _announced)
        {
            var isPartlyOld = batch.Facts.Count > 0 && batch.Facts[0].Record.Position <= _announced;
            var announced = isPartlyOld
                ? batch with { Facts = batch.Facts.Where(f => f.Record.Position > _announced).ToArray() }
                : batch;
            _announced = batch.UpTo;
            try
            {
                _projection.Committed(announced);
            }
            catch (Exception e)
            {
                throw new ProjectionStoppedException($"Committed of {_projection.Name} threw: {e.Message}", e);
            }
        }
        MoveTo(batch.UpTo);
    }

    private ProjectionStoppedException AnotherWriter(LogPosition? held) => new(held is { } at
        ? $"Another process writes {Schema}: its checkpoint is {at}, this process left it at {_stored}."
        : $"Another process writes {Schema}: its checkpoint is no longer {_stored}, where this process left it.");

    private static PoisonFactException Poison(LogRecord record, Exception error) => new(record, error);

    private void Stop(LogPosition position, string? recordType, Exception error)
    {
        if (error is PoisonFactException poison)
        {
            position = poison.Record.Position;
            recordType = poison.Record.Type;
            error = poison.InnerException!;
        }
        var message = recordType is null ? error.Message : $"{error.GetType().Name}: {error.Message}";
        services.Health.Report(new(_projection.Name, position, recordType, message, IsRetrying: false));
        LogStopped(services.Logger, error, _projection.Name, Schema, position.Value, recordType ?? "none");
        if (_isLive)
            entry.Applied.Stop();
    }

    private async Task<bool> BackOffAsync(Exception error, CancellationToken pause)
    {
        _attempt++;
        ProjectionMeter.Retries.Add(1, new KeyValuePair<string, object?>("projection", _projection.Name));
        services.Health.Report(new(_projection.Name, Position, null, error.Message, IsRetrying: true));
        var wait = services.Options.RetryFirst * Math.Pow(2, Math.Min(_attempt - 1, 16));
        if (wait > services.Options.RetryMax)
            wait = services.Options.RetryMax;
        LogRetry(services.Logger, _projection.Name, Position.Value, wait.TotalMilliseconds, error.Message);
        try
        {
            await Task.Delay(wait, services.Time, pause);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Facts that are committed together, and the checkpoint that goes with them.</summary>
    private readonly record struct TakenBatch(
        DecodedRecord[] Facts, LogPosition UpTo, LogWitness? Witness, bool IsRebuild);

    private sealed class PoisonFactException(LogRecord record, Exception error) : Exception(error.Message, error)
    {
        public LogRecord Record { get; } = record;
    }

    [LoggerMessage(Level = LogLevel.Critical, Message =
        "Projection {projection} ({schema}) stopped at {position}, record type {record_type}. It stays "
        + "stopped until the next start.")]
    private static partial void LogStopped(
        ILogger logger, Exception error, string projection, string schema, ulong position, string record_type);

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "Projection {projection} is at {position} and tries again in {wait_ms} ms: {error}")]
    private static partial void LogRetry(
        ILogger logger, string projection, ulong position, double wait_ms, string error);

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "Projection {projection}: PostgreSQL lost commits and stands at {held}, not {stored}; they are "
        + "replayed from the log.")]
    private static partial void LogLostCommits(ILogger logger, string projection, ulong stored, ulong held);

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "Projection {projection} cannot apply a batch of {count} facts from {position} on; applying them one by one.")]
    private static partial void LogNarrowing(
        ILogger logger, Exception error, string projection, int count, ulong position);
}
