using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Federation.RemoteMedia;

/// <summary>Media that could not be copied a moment ago. LOCK: a leaf.</summary>
internal sealed class RecentFailures(TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<MxcUri, (MatrixError Error, long At)> _mediaToFailure = [];

    public MatrixError? Find(MxcUri media)
    {
        lock (_lock)
        {
            if (!_mediaToFailure.TryGetValue(media, out var failure))
                return null;
            if (time.GetElapsedTime(failure.At) < RemoteMediaOptions.FailureKept)
                return failure.Error;
            _mediaToFailure.Remove(media);
            return null;
        }
    }

    public void Note(MxcUri media, MatrixError error)
    {
        lock (_lock)
        {
            if (_mediaToFailure.Count >= RemoteMediaOptions.FailuresMax)
                _mediaToFailure.Clear();
            _mediaToFailure[media] = (error, time.GetTimestamp());
        }
    }
}
