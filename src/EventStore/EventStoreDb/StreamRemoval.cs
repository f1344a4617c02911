using Matrix.EventSourced.EventStore.Wire;

namespace Matrix.EventSourced.EventStore.EventStoreDb;

/// <summary>Deletes streams and closes them for good.</summary>
/// <remarks>
/// A removal has no id that a node would know again. So it is asked for at exactly the revision that was read right
/// before: if the answer is lost, a stream that is gone is the answer.
/// </remarks>
internal sealed class StreamRemoval(NodeCalls calls, StreamReader reader, HeadReader head)
{
    /// <summary>LIMIT: how often the revision is read again because others go on appending. Ours.</summary>
    private const int ReadingsMax = 8;

    public async ValueTask<AppendResult> RunAsync(
        StreamName stream, ExpectedRevision expected, bool forGood, CancellationToken cancellationToken)
    {
        long? asked = null;
        for (var reading = 0; reading < ReadingsMax; reading++)
        {
            var state = await reader.ReadStateAsync(stream, cancellationToken);
            var isGone = forGood ? state.IsTombstoned : state is { LastRevision: null, IsTombstoned: false };
            if (asked is { } revision && isGone)
                return await GoneAsync(revision, null, cancellationToken);
            if (state.IsTombstoned)
                return new AppendResult.Tombstoned();
            if (!expected.Admits(state.LastRevision))
                return new AppendResult.Conflict(state.LastRevision);
            if (state.LastRevision is null && !forGood)
                return await GoneAsync(-1, null, cancellationToken);
            asked = state.LastRevision ?? -1;
            if (await AskAsync(stream, state.LastRevision, forGood, cancellationToken) is (true, var position))
                return await GoneAsync(asked.Value, position, cancellationToken);
        }
        throw new EventStoreException($"Others append to {stream} without a pause; it is still there.");
    }

    private async ValueTask<AppendResult> GoneAsync(
        long revision, ulong? position, CancellationToken cancellationToken) => new AppendResult.Appended(
            revision, position is { } said ? new LogPosition(said) : await head.ReadAsync(cancellationToken));

    /// <summary>Whether it is done, and the position where the node says one; false to read again.</summary>
    private async Task<(bool IsDone, ulong? Position)> AskAsync(
        StreamName stream, long? revision, bool forGood, CancellationToken cancellationToken)
    {
        try
        {
            return await calls.AskAsync(
                (node, call, _) => forGood
                    ? TombstoneAsync(node, call, stream, revision)
                    : DeleteAsync(node, call, stream, revision),
                problem => CallErrors.IsWrongExpectedVersion(problem) || CallErrors.IsTombstoned(problem),
                cancellationToken);
        }
        catch (Grpc.Core.RpcException)
        {
            return (false, null);
        }
    }

    private static async Task<(bool IsDone, ulong? Position)> DeleteAsync(
        Node node, Grpc.Core.CallOptions call, StreamName stream, long? revision)
    {
        var options = new DeleteReq.Types.Options { StreamIdentifier = WireRecords.ToWire(stream) };
        if (revision is { } last)
            options.Revision = (ulong)last;
        else
            options.NoStream = WireRecords.Nothing;
        var answer = await node.Streams.DeleteAsync(new DeleteReq { Options = options }, call);
        return (true, answer.Position?.CommitPosition);
    }

    private static async Task<(bool IsDone, ulong? Position)> TombstoneAsync(
        Node node, Grpc.Core.CallOptions call, StreamName stream, long? revision)
    {
        var options = new TombstoneReq.Types.Options { StreamIdentifier = WireRecords.ToWire(stream) };
        if (revision is { } last)
            options.Revision = (ulong)last;
        else
            options.NoStream = WireRecords.Nothing;
        var answer = await node.Streams.TombstoneAsync(new TombstoneReq { Options = options }, call);
        return (true, answer.Position?.CommitPosition);
    }
}
