using Matrix.EventSourced.Projections.Sync;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Matrix.EventSourced.Projections.KeyServer;

/// <summary>Ends the long polls of those who share a room with a user whose device list changed.</summary>
/// <remarks>
/// The rooms of a user who does not sync here are read from the tables first, aside from the projection's loop; until
/// then nobody misses anything, they only wait a little longer.
/// Errors: a database that is away is logged; those who wait hear of it with whatever comes next.
/// </remarks>
public sealed partial class DeviceListWaker(LiveView view, FeedLoader feeds, ILogger<DeviceListWaker> logger)
{
    public void Wake(string userId, long position)
    {
        if (!view.TouchDeviceList(userId, position))
            _ = WakeLaterAsync(userId, position);
    }

    public void WakeOwn(string userId, long position) => view.TouchOwnDeviceList(userId, position);

    internal void Reset(long upTo) => view.ForgetDeviceLists(upTo);

    private async Task WakeLaterAsync(string userId, long position)
    {
        await Task.Yield();
        try
        {
            await feeds.OpenAsync(userId, CancellationToken.None);
            view.TouchDeviceList(userId, position);
        }
        catch (Exception problem) when (problem is NpgsqlException or TimeoutException or ObjectDisposedException)
        {
            LogNotWoken(logger, userId, problem.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "Those who share a room with {user_id} were not woken for a new device list: {problem}")]
    private static partial void LogNotWoken(ILogger logger, string user_id, string problem);
}
