using Grpc.Core;

namespace Matrix.EventSourced.EventStore.EventStoreDb;

/// <summary>Calls that may be made again: each runs until a node has answered, or there was none for a bounded
/// time.</summary>
internal sealed class NodeCalls(NodeConnector connector, ConnectionSettings settings, TimeProvider time)
{
    public NodeConnector Connector => connector;

    /// <summary>How often one call is made before its caller hears that it failed.</summary>
    public int AttemptsMax => settings.DiscoverAttemptsMax;

    /// <summary>A call with one answer. It gets the number of earlier attempts, whose fate is unknown.</summary>
    /// <remarks>Errors: <see cref="EventStoreException"/>; RpcException where <paramref name="isAnswer"/> says that the
    /// failure is the caller's to read.</remarks>
    public async Task<T> AskAsync<T>(
        Func<Node, CallOptions, int, Task<T>> call,
        Func<RpcException, bool> isAnswer,
        CancellationToken cancellationToken)
    {
        for (var attempt = 0; ; attempt++)
        {
            var node = await connector.GetAsync(cancellationToken);
            using var late = new CancellationTokenSource(settings.DefaultDeadline, time);
            using var any = CancellationTokenSource.CreateLinkedTokenSource(
                late.Token, connector.Closed, cancellationToken);
            try
            {
                return await call(node, node.Options(any.Token), attempt);
            }
            catch (RpcException problem) when (!isAnswer(problem))
            {
                await RecoverAsync(node, problem, attempt, cancellationToken);
            }
        }
    }

    /// <summary>Waits until it is sensible to try again after a failure, or throws.</summary>
    /// <param name="node">The node that failed.</param>
    /// <param name="problem">How.</param>
    /// <param name="earlier">Failures in a row before this one. The first is met at once: a connection that broke says
    /// nothing about the next.</param>
    /// <param name="cancellationToken">The caller's.</param>
    public async Task RecoverAsync(
        Node node, RpcException problem, int earlier, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (connector.Closed.IsCancellationRequested)
            throw new EventStoreException("The log is closed.", problem);
        if (!CallErrors.IsTransient(problem))
            throw CallErrors.Translate(problem);
        connector.Lost(node, problem);
        if (earlier + 1 >= AttemptsMax)
            throw CallErrors.Translate(problem);
        if (earlier > 0)
            await connector.Backoff.WaitAsync(earlier, cancellationToken);
    }
}
