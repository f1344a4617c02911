using Grpc.Core;
using Matrix.EventSourced.EventStore.Wire;

namespace Matrix.EventSourced.EventStore.EventStoreDb;

internal sealed partial class AppendPump
{
    /// <summary>One append after the other, for a node that knows no batches; answers what ended it.</summary>
    private async Task<RpcException?> RunSinglesAsync(Node node)
    {
        _wasHeard = false;
        await _known.ReadAsync(_connector.Closed);
        while (true)
        {
            foreach (var append in _pending.TakeUp())
            {
                try
                {
                    var answer = await SendAsync(node, append.Request);
                    _wasHeard = true;
                    Give(_pending.Settle(append.Number, answer));
                }
                catch (RpcException problem) when (AnswerOf(problem) is { } final)
                {
                    if (final is AppendAnswer.Final { Result: var result })
                        Give(_pending.Settle(append.Number, result));
                    else if (final is AppendAnswer.Refused refused)
                        Refuse(append, refused.Problem);
                }
                catch (RpcException problem)
                {
                    return problem;
                }
            }
            if (!await _queue.Reader.WaitToReadAsync(_connector.Closed))
                return null;
            await _slots.WaitAsync(_connector.Closed);
            await TakeNewAsync();
        }
    }

    private async Task<AppendResult> SendAsync(Node node, BatchAppendReq append)
    {
        using var late = new CancellationTokenSource(_settings.DefaultDeadline, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, _connector.Closed);
        using var call = node.Streams.Append(node.Options(either.Token));
        foreach (var part in WireRecords.ToSingle(append))
            await call.RequestStream.WriteAsync(part, CancellationToken.None);
        await call.RequestStream.CompleteAsync();
        return AppendAnswer.From(await call.ResponseAsync) is AppendAnswer.Final final
            ? final.Result
            : throw new InvalidOperationException("A single append answers with a result or fails.");
    }

    private static AppendAnswer? AnswerOf(RpcException problem) =>
        CallErrors.IsTombstoned(problem) ? new AppendAnswer.Final(new AppendResult.Tombstoned())
        : CallErrors.IsAppendTooLarge(problem) ? AppendAnswer.TooLarge()
        : null;
}
