namespace Matrix.EventSourced.EventStore.EventStoreDb;

/// <summary>What is on its way to the node, in the order in which it was sent.</summary>
/// <remarks>
/// Answers come in any order. A conflict is believed only when no earlier append to the same stream is without an
/// answer: were that one lost and sent again, the conflict would have been an artefact of the loss.
/// INVARIANT: the appends to one stream are answered, or sent again, in their order.
/// </remarks>
internal sealed class PendingAppends
{
    private readonly Lock _lock = new();
    private readonly Dictionary<long, PendingAppend> _numberToAppend = [];
    private readonly Dictionary<StreamName, List<PendingAppend>> _streamToAppends = [];
    private long _last;

    public int Count
    {
        get
        {
            lock (_lock)
                return _numberToAppend.Count;
        }
    }

    /// <summary>Notes an append right before it is sent.</summary>
    public void Add(PendingAppend append)
    {
        lock (_lock)
        {
            append.Number = ++_last;
            _numberToAppend.Add(append.Number, append);
            if (!_streamToAppends.TryGetValue(append.Stream, out var ofStream))
                _streamToAppends.Add(append.Stream, ofStream = []);
            ofStream.Add(append);
        }
    }

    /// <summary>What has to be sent again after the connection broke, in order.</summary>
    public IReadOnlyList<PendingAppend> TakeUp()
    {
        lock (_lock)
        {
            foreach (var append in _numberToAppend.Values)
                append.Held = null;
            return [.. _numberToAppend.Values.OrderBy(append => append.Number)];
        }
    }

    public PendingAppend? Find(long number)
    {
        lock (_lock)
            return _numberToAppend.GetValueOrDefault(number);
    }

    /// <summary>Takes an answer; says who can be given one now.</summary>
    public IReadOnlyList<(PendingAppend Append, AppendResult Result)> Settle(long number, AppendResult result)
    {
        lock (_lock)
        {
            if (!_numberToAppend.TryGetValue(number, out var append))
                return [];
            var ofStream = _streamToAppends[append.Stream];
            if (result is AppendResult.Conflict conflict && ofStream[0] != append)
            {
                append.Held = conflict;
                return [];
            }
            Remove(append, ofStream);
            var settled = new List<(PendingAppend, AppendResult)> { (append, result) };
            while (ofStream is [{ Held: { } held } next, ..])
            {
                Remove(next, ofStream);
                settled.Add((next, held));
            }
            return settled;
        }
    }

    /// <summary>Takes one out that is answered with an error.</summary>
    public IReadOnlyList<(PendingAppend Append, AppendResult Result)> Drop(PendingAppend append)
    {
        lock (_lock)
        {
            if (!_numberToAppend.ContainsKey(append.Number))
                return [];
            var ofStream = _streamToAppends[append.Stream];
            Remove(append, ofStream);
            var settled = new List<(PendingAppend, AppendResult)>();
            while (ofStream is [{ Held: { } held } next, ..])
            {
                Remove(next, ofStream);
                settled.Add((next, held));
            }
            return settled;
        }
    }

    /// <summary>Gives all of them up.</summary>
    public IReadOnlyList<PendingAppend> TakeAll()
    {
        lock (_lock)
        {
            PendingAppend[] all = [.. _numberToAppend.Values];
            _numberToAppend.Clear();
            _streamToAppends.Clear();
            return all;
        }
    }

    private void Remove(PendingAppend append, List<PendingAppend> ofStream)
    {
        _numberToAppend.Remove(append.Number);
        ofStream.Remove(append);
        if (ofStream.Count == 0)
            _streamToAppends.Remove(append.Stream);
    }
}
