using Matrix.EventSourced.Projections.Roomserver;

namespace Matrix.EventSourced.Projections.Sync;

/// <summary>Something that /sync says beside timelines, state and account data.</summary>
/// <remarks>
/// Ensures: what is added is news after the request's token and up to the answer's, so that asking again with the
/// answer's token does not say it again. Waits at the gate of its own projection.
/// Whoever writes such news touches the live view (<see cref="LiveView.TouchRoom"/> and its neighbours), which ends the
/// long polls of those concerned.
/// </remarks>
public interface ISyncPart
{
    /// <param name="request">What is asked.</param>
    /// <param name="joined">The rooms that the user has joined, those too that have nothing else to say; collected when
    /// somebody asks.</param>
    /// <param name="answer">Where it goes.</param>
    /// <param name="cancellationToken">Nobody wants the answer any more.</param>
    ValueTask AddAsync(
        SyncRequest request,
        Lazy<List<UserMembership>> joined,
        SyncAnswer answer,
        CancellationToken cancellationToken);
}
