using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.MediaApi;

/// <summary>Wakes whoever waits for media of this server that is to be uploaded.</summary>
/// <remarks>Requires: who waits registers first and looks at the tables then, or an upload in between is missed. LOCK:
/// a leaf.</remarks>
public sealed class MediaArrivals
{
    private readonly Lock _lock = new();
    private readonly Dictionary<MediaId, Waiting> _idToWaiting = [];

    /// <summary>Waits from now on, until it is disposed.</summary>
    public Arrival Register(MediaId mediaId)
    {
        lock (_lock)
        {
            if (!_idToWaiting.TryGetValue(mediaId, out var waiting))
                _idToWaiting.Add(mediaId, waiting = new Waiting());
            waiting.Count++;
            return new Arrival(this, mediaId, waiting);
        }
    }

    /// <summary>Something about the media has changed in the tables.</summary>
    public void Announce(MediaId mediaId)
    {
        Waiting? waiting;
        lock (_lock)
            _idToWaiting.Remove(mediaId, out waiting);
        waiting?.Changed.TrySetResult();
    }

    private void Leave(MediaId mediaId, Waiting waiting)
    {
        lock (_lock)
        {
            if (--waiting.Count == 0 && _idToWaiting.GetValueOrDefault(mediaId) == waiting)
                _idToWaiting.Remove(mediaId);
        }
    }

    internal sealed class Waiting
    {
        public TaskCompletionSource Changed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Count { get; set; }
    }

    /// <summary>One who waits.</summary>
    public sealed class Arrival : IDisposable
    {
        private readonly MediaArrivals _arrivals;
        private readonly MediaId _mediaId;
        private readonly Waiting _waiting;

        internal Arrival(MediaArrivals arrivals, MediaId mediaId, Waiting waiting) =>
            (_arrivals, _mediaId, _waiting) = (arrivals, mediaId, waiting);

        /// <summary>Ends with the next change.</summary>
        public Task Changed => _waiting.Changed.Task;

        public void Dispose() => _arrivals.Leave(_mediaId, _waiting);
    }
}
