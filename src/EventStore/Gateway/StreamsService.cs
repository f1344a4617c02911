using Grpc.Core;
using Matrix.EventSourced.EventStore.Wire;

namespace Matrix.EventSourced.EventStore.Gateway;

/// <summary>The service of reads and appends.</summary>
/// <remarks>What is refused leaves as a <see cref="GatewayRefusal"/> and becomes the end of the call in one place,
/// here. A call under way when the gateway stops ends with Unavailable: clients then look for the node again.</remarks>
internal sealed class StreamsService(IEventStore log, TimeProvider time, GatewayLifetime lifetime) : Streams.StreamsBase
{
    public override Task Read(
        ReadReq request, IServerStreamWriter<ReadResp> responseStream, ServerCallContext context) =>
        GuardAsync(context, async cancellationToken =>
        {
            var read = ReadRequest.Parse(request);
            var responses = new ResponseWriter<ReadResp>(responseStream, context, cancellationToken);
            var reads = new GatewayReads(log, read, responses, cancellationToken);
            if (read.Count is null)
                await new GatewaySubscription(log, read, reads, responses, cancellationToken).RunAsync();
            else if (read.Stream is { } stream)
                await reads.ReadStreamAsync(stream);
            else
                await reads.ReadAllAsync();
            return true;
        });

    public override Task<AppendResp> Append(IAsyncStreamReader<AppendReq> requestStream, ServerCallContext context) =>
        GuardAsync(context, async cancellationToken =>
        {
            var proposed = await ReadProposedAsync(requestStream, cancellationToken);
            if (proposed.Records.Count == 0)
                return await AppendNothingAsync(proposed, cancellationToken);
            var result = await log.AppendAsync(
                proposed.Stream, proposed.Expected, proposed.Records, cancellationToken: cancellationToken);
            return result switch
            {
                AppendResult.Appended appended => Appended(appended),
                AppendResult.Conflict conflict => Conflict(proposed, conflict.ActualRevision),
                _ => throw GatewayRefusal.StreamDeleted(proposed.Stream),
            };
        });

    public override Task BatchAppend(
        IAsyncStreamReader<BatchAppendReq> requestStream,
        IServerStreamWriter<BatchAppendResp> responseStream,
        ServerCallContext context) =>
        GuardAsync(context, async cancellationToken =>
        {
            var responses = new ResponseWriter<BatchAppendResp>(responseStream, context, cancellationToken);
            await new BatchAppendCall(log, time, responses).RunAsync(requestStream, cancellationToken);
            return true;
        });

    public override Task<DeleteResp> Delete(DeleteReq request, ServerCallContext context) =>
        GuardAsync(context, async _ =>
        {
            var options = request.Options ?? throw GatewayRefusal.BadRequest("Options are needed.");
            var stream = Deletable(options.StreamIdentifier);
            var expected = WireRevisions.Read(options);
            var position = PositionOf(
                await log.DeleteAsync(stream, expected, CancellationToken.None), stream, expected);
            return new DeleteResp
            {
                Position = new DeleteResp.Types.Position { CommitPosition = position, PreparePosition = position },
            };
        });

    public override Task<TombstoneResp> Tombstone(TombstoneReq request, ServerCallContext context) =>
        GuardAsync(context, async _ =>
        {
            var options = request.Options ?? throw GatewayRefusal.BadRequest("Options are needed.");
            var stream = Deletable(options.StreamIdentifier);
            var expected = WireRevisions.Read(options);
            var position = PositionOf(
                await log.TombstoneAsync(stream, expected, CancellationToken.None), stream, expected);
            return new TombstoneResp
            {
                Position = new TombstoneResp.Types.Position { CommitPosition = position, PreparePosition = position },
            };
        });

    private async Task<T> GuardAsync<T>(ServerCallContext context, Func<CancellationToken, Task<T>> call)
    {
        using var either =
            CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.Stopping);
        try
        {
            return await call(either.Token);
        }
        catch (GatewayRefusal refusal)
        {
            throw refusal.ToCall();
        }
        catch (ArgumentException problem)
        {
            throw GatewayRefusal.BadRequest(problem.Message).ToCall();
        }
        catch (Exception problem) when (problem is EventStoreException or ObjectDisposedException)
        {
            throw GatewayRefusal.Unavailable(problem.Message).ToCall();
        }
        catch (OperationCanceledException) when (!context.CancellationToken.IsCancellationRequested)
        {
            throw GatewayRefusal.Unavailable("The log is being closed.").ToCall();
        }
    }

    private static async Task<ProposedAppend> ReadProposedAsync(
        IAsyncStreamReader<AppendReq> requests, CancellationToken cancellationToken)
    {
        if (!await requests.MoveNext(cancellationToken) || requests.Current.Options is not { } options)
            throw GatewayRefusal.BadRequest("The options come first.");
        var proposed = new ProposedAppend(WireNames.Read(options.StreamIdentifier), WireRevisions.Read(options));
        while (await requests.MoveNext(cancellationToken))
        {
            var message = requests.Current.ProposedMessage
                ?? throw GatewayRefusal.BadRequest("After the options come messages.");
            proposed.Add(message.Id, message.Metadata, message.CustomMetadata, message.Data);
        }
        return proposed;
    }

    /// <summary>An append of no messages only compares the revision.</summary>
    private async Task<AppendResp> AppendNothingAsync(ProposedAppend proposed, CancellationToken cancellationToken)
    {
        var state = await log.ReadStreamStateAsync(proposed.Stream, cancellationToken);
        if (state.IsTombstoned)
            throw GatewayRefusal.StreamDeleted(proposed.Stream);
        if (!proposed.Expected.Admits(state.LastRevision))
            return Conflict(proposed, state.LastRevision);
        var success = new AppendResp.Types.Success { NoPosition = new Empty() };
        if (state.LastRevision is { } last)
            success.CurrentRevision = (ulong)last;
        else
            success.NoStream = new Empty();
        return new AppendResp { Success = success };
    }

    private static AppendResp Appended(AppendResult.Appended appended) => new()
    {
        Success = new AppendResp.Types.Success
        {
            CurrentRevision = (ulong)appended.Revision,
            Position = new AppendResp.Types.Position
            {
                CommitPosition = appended.Position.Value,
                PreparePosition = appended.Position.Value,
            },
        },
    };

    private static AppendResp Conflict(ProposedAppend proposed, long? actual) =>
        new() { WrongExpectedVersion = WireRevisions.Conflict(proposed.Expected, actual) };

    /// <summary>Metadata goes with its stream; what it says is changed by an append.</summary>
    private static StreamName Deletable(StreamIdentifier? identifier)
    {
        var stream = WireNames.Read(identifier);
        return stream.IsMetadata ? throw GatewayRefusal.BadRequest("Metadata is not deleted but set anew.") : stream;
    }

    private static ulong PositionOf(AppendResult result, StreamName stream, ExpectedRevision expected) => result switch
    {
        AppendResult.Appended done => done.Position.Value,
        AppendResult.Conflict conflict =>
            throw GatewayRefusal.WrongExpectedVersion(stream, expected, conflict.ActualRevision),
        _ => throw GatewayRefusal.StreamDeleted(stream),
    };
}
