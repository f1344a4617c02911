using System.Collections.Concurrent;
using System.Threading.Tasks.Sources;

namespace Matrix.EventSourced.EventStore.Embedded;

/// <summary>Something that the writer does inside a transaction, and somebody who waits for it.</summary>
internal abstract class WriteOperation
{
    /// <summary>Whether the transaction must reach the disk before the answer.</summary>
    public bool IsDurable { get; protected set; } = true;

    /// <summary>About how many bytes it writes.</summary>
    public int Bytes { get; protected set; }

    public abstract void Execute(WriteSession session);

    /// <summary>The transaction is committed. Never runs the waiter's code on the writer's thread.</summary>
    public abstract void Complete();

    public abstract void Fail(Exception problem);
}

/// <summary>An append. Pooled: it costs its waiter no allocation.</summary>
// HOT
internal sealed class AppendOperation : WriteOperation, IValueTaskSource<AppendResult>
{
    /// <summary>LIMIT: operations kept for reuse. Ours: more than wait at the same time.</summary>
    private const int PooledMax = 1024;

    private static readonly ConcurrentQueue<AppendOperation> Pool = [];

    private ManualResetValueTaskSourceCore<AppendResult> _source = new() { RunContinuationsAsynchronously = true };
    private StreamName _stream;
    private ExpectedRevision _expected;
    private IReadOnlyList<NewRecord> _records = [];
    private AppendResult? _result;

    public static AppendOperation Rent(
        StreamName stream, ExpectedRevision expected, IReadOnlyList<NewRecord> records, Durability durability)
    {
        var operation = Pool.TryDequeue(out var pooled) ? pooled : new AppendOperation();
        operation._stream = stream;
        operation._expected = expected;
        operation._records = records;
        operation.IsDurable = durability == Durability.Durable;
        operation.Bytes = 0;
        for (var i = 0; i < records.Count; i++)
            operation.Bytes += records[i].Data.Length + records[i].Metadata.Length;
        return operation;
    }

    public ValueTask<AppendResult> Task => new(this, _source.Version);

    public override void Execute(WriteSession session) => _result = session.Append(_stream, _expected, _records);

    public override void Complete() => _source.SetResult(_result!);

    public override void Fail(Exception problem) => _source.SetException(problem);

    AppendResult IValueTaskSource<AppendResult>.GetResult(short token)
    {
        try
        {
            return _source.GetResult(token);
        }
        finally
        {
            _source.Reset();
            _stream = default;
            _records = [];
            _result = null;
            if (Pool.Count < PooledMax)
                Pool.Enqueue(this);
        }
    }

    ValueTaskSourceStatus IValueTaskSource<AppendResult>.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource<AppendResult>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);
}

/// <summary>Anything else: metadata, deletion, erasure, scavenging.</summary>
internal sealed class FunctionOperation<T>(
    Func<WriteSession, T> function, Action<T>? afterCommit = null) : WriteOperation
{
    private readonly TaskCompletionSource<T> _source = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private T _result = default!;

    public Task<T> Task => _source.Task;

    public override void Execute(WriteSession session) => _result = function(session);

    public override void Complete()
    {
        afterCommit?.Invoke(_result);
        _source.SetResult(_result);
    }

    public override void Fail(Exception problem) => _source.SetException(problem);
}
