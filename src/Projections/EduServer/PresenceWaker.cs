using Matrix.EventSourced.Projections.Sync;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Matrix.EventSourced.Projections.EduServer;

/// <summary>Ends the long polls of those who share a room with a user whose presence changed.</summary>
/// <remarks>
/// The rooms of a user who does not sync here (most are on other servers) are read from the tables first, aside from
/// the projection's loop; until then nobody misses anything, they only wait a little longer.
/// Errors: a database that is away is logged; those who wait hear of it with whatever comes next.
/// </remarks>
public sealed partial class PresenceWaker(LiveView view, FeedLoader feeds, ILogger<PresenceWaker> logger)
{
    public void Wake(string userId, long position)
    {
        if (!view.TouchSharers(userId, position))
            _ = WakeLaterAsync(userId, position);
    }

    private async Task WakeLaterAsync(string userId, long position)
    {
        await Task.Yield();
        try
        {
            await feeds.OpenAsync(userId, CancellationToken.None);
            view.TouchSharers(userId, position);
        }
        catch (Exception problem) when (problem is NpgsqlException or TimeoutException or ObjectDisposedException)
        {
            LogNotWoken(logger, userId, problem.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "Those who share a room with {user_id} were not woken for a new presence: {problem}")]
    private static partial void LogNotWoken(ILogger logger, string user_id, string problem);
}
