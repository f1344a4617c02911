using System.Threading.Channels;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Matrix.EventSourced.EventStore.Wire;
using Nothing = Google.Protobuf.WellKnownTypes.Empty;
using Options = Matrix.EventSourced.EventStore.Wire.BatchAppendReq.Types.Options;

namespace Matrix.EventSourced.EventStore.Gateway;

/// <summary>Many appends over one duplex stream.</summary>
/// <remarks>
/// <code>
///   requests ─► parts joined by correlation id ─► engine's queue (group commit) ─► answers as they come ─► client
///                  └── read on while appends wait for the disk, as long as InFlight has room
/// </code>
/// Ensures: appends reach the engine in the order in which their last parts came; one that is refused disturbs no
/// other. When more is on its way than <see cref="InFlight"/> lets through, requests wait in the connection's window.
/// </remarks>
// HOT
internal sealed class BatchAppendCall(IEventAppender log, TimeProvider time, ResponseWriter<BatchAppendResp> responses)
{
    /// <summary>LIMIT: appends of one call on their way. Ours: as many as the engine takes into one
    /// transaction.</summary>
    private const int InFlightMax = 2048;

    /// <summary>LIMIT: bytes of them. Ours: two transactions of the engine.</summary>
    private const long InFlightBytesMax = 16 * 1024 * 1024;

    /// <summary>LIMIT: appends of one call of which parts are still to come. Ours.</summary>
    private const int OpenMax = 1024;

    /// <summary>LIMIT: bytes of them. Ours: some of the largest appends.</summary>
    private const long OpenBytesMax = 16 * 1024 * 1024;

    /// <summary>A deadline this far off is none: no client waits for it.</summary>
    private static readonly TimeSpan DeadlineMax = TimeSpan.FromDays(1);

    private readonly Dictionary<Guid, OpenAppend> _idToOpen = [];
    private readonly InFlight _inFlight = new(InFlightMax, InFlightBytesMax);
    private readonly Channel<(BatchAppendResp Response, long? Bytes)> _answers =
        Channel.CreateUnbounded<(BatchAppendResp, long?)>(new UnboundedChannelOptions { SingleReader = true });

    private long _openBytes;

    public async Task RunAsync(IAsyncStreamReader<BatchAppendReq> requests, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var writing = WriteAnswersAsync(stop);
        try
        {
            while (await requests.MoveNext(stop.Token))
                await TakeAsync(requests.Current, stop.Token);
            await _inFlight.DrainAsync(stop.Token);
        }
        finally
        {
            _answers.Writer.Complete();
            await writing;
        }
    }

    private async ValueTask TakeAsync(BatchAppendReq part, CancellationToken cancellationToken)
    {
        var id = WireIds.Read(part.CorrelationId)
            ?? throw GatewayRefusal.BadRequest("Each part of an append needs a correlation id.");
        if (!_idToOpen.TryGetValue(id, out var open))
            _idToOpen.Add(id, open = Open(part));
        _openBytes -= open.Bytes;
        Add(open, part);
        if (!part.IsFinal)
        {
            _openBytes += open.Bytes;
            return;
        }
        _idToOpen.Remove(id);
        var bytes = open.Bytes;
        await _inFlight.EnterAsync(bytes, cancellationToken);
        if (open.Refusal is { } refusal)
            Answer(open, refusal.ToStatus(), bytes);
        else
            _ = AppendAsync(open, bytes);
    }

    /// <summary>The first part says where the append goes; what is wrong with it is answered after the last.</summary>
    private OpenAppend Open(BatchAppendReq part)
    {
        var open = new OpenAppend(part.CorrelationId, part.Options, DeadlineOf(part.Options));
        try
        {
            if (part.Options is not { } options)
                throw GatewayRefusal.BadRequest("The first part of an append needs options.");
            if (_idToOpen.Count >= OpenMax || _openBytes >= OpenBytesMax)
                throw GatewayRefusal.BadRequest("Too many appends are begun and not ended.");
            open.Proposed = new ProposedAppend(WireNames.Read(options.StreamIdentifier), WireRevisions.Read(options));
        }
        catch (GatewayRefusal refusal)
        {
            open.Refusal = refusal;
        }
        return open;
    }

    private static void Add(OpenAppend open, BatchAppendReq part)
    {
        if (open.Proposed is not { } proposed)
            return;
        try
        {
            foreach (var message in part.ProposedMessages)
                proposed.Add(message.Id, message.Metadata, message.CustomMetadata, message.Data);
            if (part.IsFinal && proposed.Records.Count == 0)
                throw GatewayRefusal.BadRequest("An append holds at least one message.");
        }
        catch (GatewayRefusal refusal)
        {
            open.Refusal = refusal;
            open.Proposed = null;
        }
    }

    private async Task AppendAsync(OpenAppend open, long bytes)
    {
        Wire.Status status;
        try
        {
            var proposed = open.Proposed!;
            var left = open.Deadline is { } deadline ? deadline - time.GetUtcNow() : (TimeSpan?)null;
            if (left <= TimeSpan.Zero)
                throw GatewayRefusal.TimedOut();
            var answer = log.AppendAsync(proposed.Stream, proposed.Expected, proposed.Records);
            var result = left is null || answer.IsCompleted
                ? await answer
                : await InTimeAsync(open, answer.AsTask(), left.Value, bytes);
            if (result is null)
                return;
            if (result is AppendResult.Appended appended)
            {
                Answer(open, Success(appended), bytes);
                return;
            }
            status = result is AppendResult.Conflict conflict
                ? Conflict(proposed, conflict.ActualRevision)
                : GatewayRefusal.StreamDeleted(proposed.Stream).ToStatus();
        }
        catch (GatewayRefusal refusal)
        {
            status = refusal.ToStatus();
        }
        catch (ArgumentException problem)
        {
            status = GatewayRefusal.BadRequest(problem.Message).ToStatus();
        }
        catch (EventStoreException problem)
        {
            status = GatewayRefusal.Unavailable(problem.Message).ToStatus();
        }
        Answer(open, status, bytes);
    }

    /// <summary>The outcome; null when the deadline came first. Then that was answered, and the append keeps its room
    /// until the log is done with it.</summary>
    private async Task<AppendResult?> InTimeAsync(
        OpenAppend open, Task<AppendResult> answer, TimeSpan left, long bytes)
    {
        try
        {
            return await answer.WaitAsync(left, time);
        }
        catch (TimeoutException)
        {
            Answer(open, GatewayRefusal.TimedOut().ToStatus(), bytes: null);
        }
        try
        {
            await answer;
        }
        catch (EventStoreException)
        {
            // The client was told already that nobody knows what becomes of it.
        }
        _inFlight.Leave(bytes);
        return null;
    }

    private void Answer(OpenAppend open, Wire.Status status, long? bytes) =>
        Answer(open, new BatchAppendResp { Error = status }, bytes);

    /// <summary>Queues an answer; bytes: the room that the append leaves with it.</summary>
    private void Answer(OpenAppend open, BatchAppendResp response, long? bytes)
    {
        response.CorrelationId = open.CorrelationId;
        response.StreamIdentifier = open.Options?.StreamIdentifier;
        switch (open.Options?.ExpectedStreamPositionCase)
        {
            case Options.ExpectedStreamPositionOneofCase.StreamPosition:
                response.StreamPosition = open.Options.StreamPosition;
                break;
            case Options.ExpectedStreamPositionOneofCase.NoStream:
                response.NoStream = open.Options.NoStream;
                break;
            case Options.ExpectedStreamPositionOneofCase.Any:
                response.Any = open.Options.Any;
                break;
            case Options.ExpectedStreamPositionOneofCase.StreamExists:
                response.StreamExists = open.Options.StreamExists;
                break;
        }
        if (!_answers.Writer.TryWrite((response, bytes)) && bytes is { } room)
            _inFlight.Leave(room);
    }

    /// <summary>An append keeps its room until its answer is on the way: a client that takes no answers sends no more
    /// appends. When the client is gone the answers go nowhere.</summary>
    private async Task WriteAnswersAsync(CancellationTokenSource stop)
    {
        var reader = _answers.Reader;
        var isGone = false;
        while (await reader.WaitToReadAsync(CancellationToken.None))
        {
            try
            {
                while (reader.TryRead(out var answer))
                {
                    if (answer.Bytes is { } room)
                        _inFlight.Leave(room);
                    if (!isGone)
                        await responses.WriteAsync(answer.Response);
                }
                if (!isGone)
                    await responses.FlushAsync();
            }
            catch (Exception problem) when (
                problem is OperationCanceledException or IOException or InvalidOperationException)
            {
                isGone = true;
                await stop.CancelAsync();
            }
        }
    }

    private static BatchAppendResp Success(AppendResult.Appended appended) => new()
    {
        Success = new BatchAppendResp.Types.Success
        {
            CurrentRevision = (ulong)appended.Revision,
            Position = new AllStreamPosition
            {
                CommitPosition = appended.Position.Value,
                PreparePosition = appended.Position.Value,
            },
        },
    };

    private static Wire.Status Conflict(ProposedAppend proposed, long? actual) => new()
    {
        Code = Code.AlreadyExists,
        Message = $"The stream is not at the expected revision {proposed.Expected}.",
        Details = Any.Pack(WireRevisions.BatchConflict(proposed.Expected, actual)),
    };

    /// <summary>When nobody waits for the answer any more; null for never.</summary>
    private DateTimeOffset? DeadlineOf(Options? options)
    {
        var now = time.GetUtcNow();
        var left = options?.DeadlineOptionCase switch
        {
            Options.DeadlineOptionOneofCase.Deadline => Seconds(options.Deadline.Seconds, options.Deadline.Nanos),
            Options.DeadlineOptionOneofCase.Deadline21100 =>
                Seconds(options.Deadline21100.Seconds - now.ToUnixTimeSeconds(), options.Deadline21100.Nanos),
            _ => DeadlineMax,
        };
        return left >= DeadlineMax ? null : now + left;
    }

    private static TimeSpan Seconds(long seconds, int nanos) => seconds >= DeadlineMax.TotalSeconds
        ? DeadlineMax
        : TimeSpan.FromSeconds(Math.Max(seconds, 0)) + (seconds < 0 ? TimeSpan.Zero : TimeSpan.FromTicks(nanos / 100));

    private sealed class OpenAppend(UUID correlationId, Options? options, DateTimeOffset? deadline)
    {
        public UUID CorrelationId { get; } = correlationId;

        public Options? Options { get; } = options;

        public DateTimeOffset? Deadline { get; } = deadline;

        public ProposedAppend? Proposed { get; set; }

        /// <summary>What was wrong with one of the parts; then the others are not kept.</summary>
        public GatewayRefusal? Refusal { get; set; }

        public int Bytes => Proposed?.Bytes ?? 0;
    }
}
