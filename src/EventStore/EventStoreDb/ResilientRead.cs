using Grpc.Core;
using Matrix.EventSourced.EventStore.Wire;

namespace Matrix.EventSourced.EventStore.EventStoreDb;

/// <summary>One read that goes on over broken connections: the request is made again from where the reader
/// stands.</summary>
/// <param name="calls">The way to a node.</param>
/// <param name="request">Makes the request from the reader's place.</param>
internal sealed class ResilientRead(NodeCalls calls, Func<ReadReq> request) : IDisposable
{
    private AsyncServerStreamingCall<ReadResp>? _call;
    private Node? _node;
    private int _failures;

    /// <summary>The next thing that the node says; null at the end of the read.</summary>
    /// <remarks>Errors: <see cref="EventStoreException"/>; RpcException of a tombstoned stream or of a position that
    /// the log does not know.</remarks>
    public async ValueTask<ReadResp?> NextAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                if (_call is null)
                {
                    _node = await calls.Connector.GetAsync(cancellationToken);
                    _call = _node.Streams.Read(request(), _node.Options(cancellationToken));
                }
                if (!await _call.ResponseStream.MoveNext(CancellationToken.None))
                    return null;
                _failures = 0;
                return _call.ResponseStream.Current;
            }
            catch (ObjectDisposedException problem) when (calls.Connector.Closed.IsCancellationRequested)
            {
                throw new EventStoreException("The log is closed.", problem);
            }
            catch (RpcException problem) when (
                !CallErrors.IsTombstoned(problem) && !CallErrors.MayMeanBadPosition(problem))
            {
                _call?.Dispose();
                _call = null;
                await calls.RecoverAsync(_node!, problem, _failures++, cancellationToken);
            }
        }
    }

    /// <summary>The next call of <see cref="NextAsync"/> asks anew.</summary>
    public void Restart()
    {
        _call?.Dispose();
        _call = null;
    }

    public void Dispose() => _call?.Dispose();
}
