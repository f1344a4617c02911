using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;

namespace Matrix.EventSourced.Projections.Sync;

/// <summary>Gives a user's feed, loaded from the tables where the live view does not have it.</summary>
public sealed class FeedLoader(LiveView live, RoomReader reader, IProjectionGate gate)
{
    private static readonly string[] RoomserverOnly = [RoomserverProjection.ProjectionName];

    /// <summary>The user's feed, with a live view that has reached what it was loaded from.</summary>
    internal async ValueTask<UserFeed> OpenAsync(string userId, CancellationToken cancellationToken)
    {
        var (feed, isNew) = live.OpenFeed(userId);
        if (isNew)
        {
            try
            {
                // Not cancelled by one client's leaving: others of the same user may be waiting for it.
                live.Load(feed, await reader.ReadMembershipsAsync(userId, CancellationToken.None));
            }
            catch (Exception exception)
            {
                live.FailToLoad(feed, exception);
                throw;
            }
        }
        else if (!feed.Loading.Task.IsCompletedSuccessfully)
        {
            await feed.Loading.Task.WaitAsync(cancellationToken);
        }
        // The tables may have been a commit ahead of the view; it follows at once.
        if (feed.LoadedUpTo > live.Position)
            await gate.WaitForAsync(RoomserverOnly, new((ulong)feed.LoadedUpTo), cancellationToken);
        return feed;
    }
}
