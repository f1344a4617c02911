using System.Runtime.CompilerServices;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.MediaApi;

namespace Matrix.EventSourced.Projections.Audit;

/// <summary>Bytes that lie outside of the log, under their SHA-256.</summary>
public interface IAuditedBlobs
{
    /// <summary>What is wrong with the bytes that a fact names; null when they are there and are what they must
    /// be.</summary>
    ValueTask<string?> FindProblemAsync(string sha256, long sizeBytes, CancellationToken cancellationToken);

    /// <summary>Until it is disposed nothing is deleted, or what the log let go meanwhile would seem to be
    /// lost.</summary>
    IDisposable HoldDeletions();
}

/// <summary>Checks that the bytes of all media are there, and are what the log says.</summary>
/// <remarks>Cost: every blob is read once; memory grows with the media that is there.</remarks>
internal sealed class MediaVerifier(IAuditedBlobs blobs)
{
    private readonly Dictionary<string, (string Sha256, long SizeBytes)> _mediaToContent = new(StringComparer.Ordinal);

    /// <summary>How many blobs were looked at.</summary>
    public long BlobCount { get; private set; }

    /// <summary>Takes down what a fact says of media.</summary>
    public void Note(IFact fact)
    {
        switch (fact)
        {
            case MediaUploaded uploaded:
                _mediaToContent[uploaded.MediaId.Value] = (uploaded.Sha256, uploaded.SizeBytes);
                break;
            case RemoteMediaCached cached:
                _mediaToContent[$"{cached.Origin}/{cached.MediaId}"] = (cached.Sha256, cached.SizeBytes);
                break;
            case MediaRemoved removed:
                _mediaToContent.Remove(
                    removed.Origin is { } origin ? $"{origin}/{removed.MediaId}" : removed.MediaId.Value);
                break;
        }
    }

    /// <summary>What is wrong with the bytes, media by media; equal content is read once.</summary>
    public async IAsyncEnumerable<Finding> CheckAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var byContent = _mediaToContent
            .GroupBy(media => media.Value, media => media.Key)
            .OrderBy(content => content.Key.Sha256, StringComparer.Ordinal);
        foreach (var content in byContent)
        {
            BlobCount++;
            var problem = await blobs.FindProblemAsync(content.Key.Sha256, content.Key.SizeBytes, cancellationToken);
            if (problem is null)
                continue;
            foreach (var media in content.Order(StringComparer.Ordinal))
                yield return new($"media {media}, blob {content.Key.Sha256}", problem);
        }
    }
}
