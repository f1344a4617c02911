using System.Threading.Channels;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Matrix.EventSourced.EventStore.Wire;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.EventStore.EventStoreDb;

/// <summary>Sends all appends of the process over one duplex stream, many at a time.</summary>
/// <remarks>
/// <code>
///   AppendAsync ─► queue ─► writer ═══ BatchAppend ═══► node
///                             │                          │ answers, in any order
///                             ▼                          ▼
///                          pending ◄──── by number ──── reader ─► caller
///
///   broken: everything pending is sent again, same ids and same order, before anything new
/// </code>
/// The node knows the ids again and answers with the first revision and position, so no caller learns of a broken
/// connection unless there is no node for a bounded time. A node that knows no batches gets one append after the other.
/// LOCK: nothing is awaited under the lock of <see cref="PendingAppends"/>.
/// </remarks>
internal sealed partial class AppendPump : IAsyncDisposable
{
    /// <summary>How much longer than its deadline a node may be silent before the stream counts as broken.</summary>
    private static readonly TimeSpan SilenceGrace = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    private readonly NodeConnector _connector;
    private readonly KnownIds _known;
    private readonly StreamReader _streams;
    private readonly ConnectionSettings _settings;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly long _instance;
    private readonly PendingAppends _pending = new();
    private readonly SemaphoreSlim _slots;
    private readonly Channel<PendingAppend> _queue =
        Channel.CreateUnbounded<PendingAppend>(new UnboundedChannelOptions { SingleReader = true });

    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _running;
    private int _waiting;
    private bool _isDraining;
    private bool _wasHeard;
    private long _waitsSince;

    public AppendPump(
        NodeConnector connector,
        KnownIds known,
        StreamReader streams,
        EventStoreDbOptions options,
        TimeProvider time,
        ILogger log)
    {
        _connector = connector;
        _known = known;
        _streams = streams;
        _settings = options.Connection;
        _time = time;
        _log = log;
        _instance = options.Random.NextInt64();
        _slots = new SemaphoreSlim(options.InFlightMax);
        _running = RunAsync();
    }

    /// <summary>Queued when it returns, in the order of the calls.</summary>
    public Task<AppendResult> AppendAsync(
        StreamName stream, ExpectedRevision expected, IReadOnlyList<NewRecord> records)
    {
        var append = new PendingAppend(stream, records, WireRecords.ToBatch(stream, expected, records));
        Interlocked.Increment(ref _waiting);
        if (!_queue.Writer.TryWrite(append))
            append.Fail(new EventStoreException("The log is closed."));
        return WaitAsync(append.Task);
    }

    /// <summary>Takes no more appends, and ends when all are answered; does not wait for a node that is not
    /// there.</summary>
    public async Task DrainAsync()
    {
        _queue.Writer.TryComplete();
        Volatile.Write(ref _isDraining, true);
        if (Volatile.Read(ref _waiting) == 0 || !_connector.Status.IsConnected)
            return;
        await Task.WhenAny(_drained.Task, Task.Delay(_settings.DefaultDeadline, _time));
    }

    /// <summary>Requires: the connector is closed; those who still wait are told so.</summary>
    public async ValueTask DisposeAsync()
    {
        await _running;
        _slots.Dispose();
    }

    private async Task<AppendResult> WaitAsync(Task<AppendResult> answer)
    {
        try
        {
            return await answer;
        }
        finally
        {
            if (Interlocked.Decrement(ref _waiting) == 0 && Volatile.Read(ref _isDraining))
                _drained.TrySetResult();
        }
    }

    private async Task RunAsync()
    {
        await Task.Yield();
        var failures = 0;
        while (!_connector.Closed.IsCancellationRequested)
        {
            try
            {
                // A process that only reads never opens the stream.
                if (_pending.Count == 0 && !await _queue.Reader.WaitToReadAsync(_connector.Closed))
                    break;
                var node = await _connector.GetAsync(_connector.Closed);
                var problem = node.Facts.HasBatchAppend ? await RunBatchesAsync(node) : await RunSinglesAsync(node);
                if (problem is null || _connector.Closed.IsCancellationRequested)
                {
                    failures = 0;
                    continue;
                }
                _connector.Lost(node, problem);
                failures = _wasHeard ? 1 : failures + 1;
                if (!CallErrors.IsTransient(problem) || failures >= _settings.DiscoverAttemptsMax)
                    GiveUp(CallErrors.Translate(problem));
                else if (failures > 1)
                    await _connector.Backoff.WaitAsync(failures, _connector.Closed);
            }
            catch (EventStoreException none)
            {
                GiveUp(none);
            }
            catch (Exception) when (_connector.Closed.IsCancellationRequested)
            {
                // Whatever a call says whose channel is closed under it.
                break;
            }
        }
        _queue.Writer.TryComplete();
        GiveUp(new EventStoreException("The log is closed."));
    }

    /// <summary>Nobody can say what became of them.</summary>
    private void GiveUp(EventStoreException problem)
    {
        foreach (var append in _pending.TakeAll())
        {
            append.Fail(problem);
            _slots.Release();
        }
        while (_queue.Reader.TryRead(out var queued))
            queued.Fail(problem);
    }

    /// <summary>Runs one stream to its end; answers what ended it.</summary>
    private async Task<RpcException?> RunBatchesAsync(Node node)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(_connector.Closed);
        using var call = node.Streams.BatchAppend(node.Options(end.Token));
        _wasHeard = false;
        _waitsSince = _time.GetTimestamp();
        await using var watch = _time.CreateTimer(_ => EndIfSilent(end), null, LookEvery, LookEvery);
        var writing = WriteAsync(node, call.RequestStream, end);
        try
        {
            while (await call.ResponseStream.MoveNext(CancellationToken.None))
            {
                Volatile.Write(ref _waitsSince, _time.GetTimestamp());
                if (Take(call.ResponseStream.Current) is { } again)
                    return again;
            }
            return new RpcException(new Grpc.Core.Status(StatusCode.Unavailable, "the node ended the appends"));
        }
        catch (RpcException problem)
        {
            return problem;
        }
        catch (Exception problem) when (problem is IOException or HttpRequestException)
        {
            return new RpcException(new Grpc.Core.Status(StatusCode.Unavailable, problem.Message, problem));
        }
        finally
        {
            await end.CancelAsync();
            await writing;
        }
    }

    private async Task WriteAsync(
        Node node, IClientStreamWriter<BatchAppendReq> requests, CancellationTokenSource end)
    {
        try
        {
            foreach (var append in _pending.TakeUp())
            {
                if (append.Attempts < _settings.DiscoverAttemptsMax)
                    await requests.WriteAsync(Stamped(append, node), end.Token);
                else
                    Refuse(append, new EventStoreException("The node never said what became of the append."));
            }
            await _known.ReadAsync(end.Token);
            while (await _queue.Reader.WaitToReadAsync(end.Token))
            {
                await _slots.WaitAsync(end.Token);
                if (_pending.Count == 0)
                    Volatile.Write(ref _waitsSince, _time.GetTimestamp());
                if (await TakeNewAsync() is { } append)
                    await requests.WriteAsync(Stamped(append, node), end.Token);
            }
        }
        catch (Exception problem) when (IsOfTheStream(problem))
        {
            // The reader hears why the stream broke; without it nobody would.
            await end.CancelAsync();
        }
    }

    /// <summary>What a write says on a stream that ended: gRPC passes on the socket's and HTTP/2's own words.</summary>
    private static bool IsOfTheStream(Exception problem) => problem is RpcException or EventStoreException
        or InvalidOperationException or OperationCanceledException or IOException or HttpRequestException;

    /// <summary>The next append that has to be sent, already pending: its answer may come before the write returns.
    /// Null when it was answered from memory, or when there is none.</summary>
    /// <remarks>Requires: a slot was taken for it; it is given back where nothing is pending.</remarks>
    private async ValueTask<PendingAppend?> TakeNewAsync()
    {
        if (!_queue.Reader.TryRead(out var append))
        {
            _slots.Release();
            return null;
        }
        var (count, first, last) = _known.Find(append.Stream.Value, append.Records);
        if (count == 0)
        {
            _pending.Add(append);
            return append;
        }
        _slots.Release();
        if (count == append.Records.Count)
        {
            append.Answer(last!);
            return null;
        }
        try
        {
            append.Answer(await CompareAsync(append, first));
        }
        catch (Exception problem) when (problem is EventStoreException or OperationCanceledException)
        {
            append.Fail(problem as EventStoreException ?? new EventStoreException("The log is closed.", problem));
        }
        return null;
    }

    /// <summary>Some of the ids are known: either the rest stands beside them and was not heard of yet, or the append
    /// mixes old and new.</summary>
    private async ValueTask<AppendResult> CompareAsync(PendingAppend append, long first)
    {
        var index = 0;
        if (first >= 0)
        {
            await foreach (var record in _streams.ReadAsync(
                append.Stream, first, ReadDirection.Forwards, append.Records.Count, _connector.Closed))
            {
                if (record.Revision != first + index || record.RecordId != append.Records[index].RecordId)
                    break;
                if (++index == append.Records.Count)
                    return new AppendResult.Appended(record.Revision, record.Position);
            }
        }
        var state = await _streams.ReadStateAsync(append.Stream, _connector.Closed);
        return state.IsTombstoned ? new AppendResult.Tombstoned() : new AppendResult.Conflict(state.LastRevision);
    }

    private BatchAppendReq Stamped(PendingAppend append, Node node)
    {
        var request = append.Request;
        append.Attempts++;
        request.CorrelationId = new UUID
        {
            Structured = new UUID.Types.Structured
            {
                MostSignificantBits = _instance,
                LeastSignificantBits = append.Number,
            },
        };
        if (node.Facts.HasRelativeDeadline)
            request.Options.Deadline = Duration.FromTimeSpan(_settings.DefaultDeadline);
        else
            request.Options.Deadline21100 = Timestamp.FromDateTimeOffset(_time.GetUtcNow() + _settings.DefaultDeadline);
        return request;
    }

    /// <summary>Gives an answer to whom it belongs; says when everything pending must be sent again.</summary>
    private RpcException? Take(BatchAppendResp answer)
    {
        var number = answer.CorrelationId.Structured?.LeastSignificantBits ?? 0;
        switch (AppendAnswer.From(answer))
        {
            case AppendAnswer.Final final:
                _wasHeard = true;
                Give(_pending.Settle(number, final.Result));
                return null;
            case AppendAnswer.Refused refused:
                _wasHeard = true;
                if (_pending.Find(number) is { } append)
                    Refuse(append, refused.Problem);
                return null;
            case AppendAnswer.Unknown unknown:
                LogUnknown(_log, unknown.Reason);
                return new RpcException(new Grpc.Core.Status(StatusCode.Unavailable, unknown.Reason));
            default:
                throw new InvalidOperationException("There is no other answer.");
        }
    }

    private void Refuse(PendingAppend append, Exception problem)
    {
        Give(_pending.Drop(append));
        append.Fail(problem);
        _slots.Release();
    }

    private void Give(IReadOnlyList<(PendingAppend Append, AppendResult Result)> settled)
    {
        foreach (var (append, result) in settled)
        {
            append.Answer(result);
            _slots.Release();
        }
    }

    private void EndIfSilent(CancellationTokenSource end)
    {
        var silence = _time.GetElapsedTime(Volatile.Read(ref _waitsSince));
        if (_pending.Count > 0 && silence > _settings.DefaultDeadline + SilenceGrace)
            end.Cancel();
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "An append is sent again, its fate is unknown: {reason}")]
    private static partial void LogUnknown(ILogger logger, string reason);
}
