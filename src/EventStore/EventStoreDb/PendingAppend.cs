using Matrix.EventSourced.EventStore.Wire;

namespace Matrix.EventSourced.EventStore.EventStoreDb;

/// <summary>An append whose caller waits for its answer.</summary>
internal sealed class PendingAppend(StreamName stream, IReadOnlyList<NewRecord> records, BatchAppendReq request)
{
    private readonly TaskCompletionSource<AppendResult> _source =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    public StreamName Stream => stream;

    public IReadOnlyList<NewRecord> Records => records;

    public BatchAppendReq Request => request;

    /// <summary>The place in the order in which appends are sent; also what its answer is known by.</summary>
    public long Number { get; set; }

    /// <summary>How often it was sent.</summary>
    public int Attempts { get; set; }

    /// <summary>A conflict that may be the fault of an earlier append whose fate is unknown.</summary>
    public AppendResult.Conflict? Held { get; set; }

    public Task<AppendResult> Task => _source.Task;

    public void Answer(AppendResult result) => _source.TrySetResult(result);

    public void Fail(Exception problem) => _source.TrySetException(problem);
}
