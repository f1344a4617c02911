using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.MediaApi;

/// <summary>What users may upload.</summary>
/// <remarks>Units: UploadBytesMax, one upload; QuotaBytes, all of one user's together, null for no bound; PendingMax,
/// ids that were given out and not used; PendingLifetime, how long such an id waits.</remarks>
public sealed record MediaPolicy(
    long UploadBytesMax, long? QuotaBytes, int PendingMax, TimeSpan PendingLifetime);

/// <summary>What a user has of what is bounded.</summary>
/// <remarks>Units: Bytes, of all that they uploaded and that is there.</remarks>
public readonly record struct MediaUsage(int Pending, long Bytes);

/// <summary>What users have uploaded: the read side knows.</summary>
/// <remarks>Ensures: the answer holds every write that finished before the question.</remarks>
public interface IMediaUsage
{
    ValueTask<MediaUsage> FindAsync(UserId userId, long nowMs, CancellationToken cancellationToken);
}
