using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Commands.EduServer;

/// <summary>Cuts off the beginning of a user's messages to devices: what every device has got, or the other server has
/// taken, some days ago.</summary>
/// <remarks>
/// <code>
///   todevice-@a:hs   sent, sent, acknowledged, sent │ sent, acknowledged, sent …
///                    older than the retention, and   │ younger, or one that still waits
///                    nothing of it waits: cut off    │ and all that follows it
/// </code>
/// Ensures: a replay of what is left comes to the same messages that wait, since a record that is cut off takes all
/// before it along. For as long as a message is kept, the log refuses it when it comes a second time; nobody sends one
/// again after days.
/// Cost: a look at the first record, once a day for a user whose messages come or go.
/// </remarks>
public sealed partial class ToDeviceTrimmer(
    IEventReader log,
    FactAppender appender,
    IToDeviceLookup lookup,
    TimeProvider time,
    ILogger<ToDeviceTrimmer> logger)
{
    /// <summary>LIMIT: users of whom it is known when they were looked at. Ours: forgetting one costs a look.</summary>
    private const int UsersMax = 16_384;

    /// <summary>LIMIT: records that are cut off at once. Ours: a request waits for it; the rest goes the next day.
    /// </summary>
    private const int RecordsMax = 20_000;

    private static readonly TimeSpan Every = TimeSpan.FromDays(1);

    private readonly LruCache<string, Look> _userToLook = new(UsersMax);

    public static StreamName StreamOf(UserId user) => new(StreamCategories.ToDevice, user.Value);

    /// <summary>Cuts off what need not be kept, where that was not looked at today.</summary>
    public async ValueTask TrimAsync(UserId user)
    {
        var nowMs = time.GetUtcNow().ToUnixTimeMilliseconds();
        if (_userToLook.Find(user.Value) is { } last && nowMs - last.AtMs < (long)Every.TotalMilliseconds)
            return;
        _userToLook.Set(user.Value, new Look(nowMs));
        var keptFromMs = nowMs - (long)Limits.ToDeviceRetention.TotalMilliseconds;
        try
        {
            if (await FindFirstKeptAsync(user, keptFromMs) is { } firstKept)
                await appender.BoundAsync(StreamOf(user), new StreamMetadata(TruncateBefore: firstKept));
        }
        catch (EventStoreException problem)
        {
            // What was asked for is done; this can wait for another day.
            LogFailed(problem, user.Value);
        }
    }

    /// <summary>The revision before which everything may go; null where nothing may.</summary>
    private async ValueTask<long?> FindFirstKeptAsync(UserId user, long keptFromMs)
    {
        long? firstKept = null;
        long? oldestWaiting = null;
        await foreach (var record in log.ReadStreamAsync(
            StreamOf(user), null, ReadDirection.Forwards, RecordsMax, CancellationToken.None))
        {
            if (record.CreatedMs >= keptFromMs)
                break;
            // Asked only of who has something that is old enough.
            oldestWaiting ??= await lookup.FindOldestWaitingAsync(user) ?? long.MaxValue;
            if ((long)record.Position.Value >= oldestWaiting)
                break;
            firstKept = record.Revision + 1;
        }
        return firstKept;
    }

    [LoggerMessage(LogLevel.Warning,
        "Old messages for the devices of {userId} could not be cut off; it is tried again in a day")]
    private partial void LogFailed(Exception problem, string userId);

    private sealed record Look(long AtMs);
}
