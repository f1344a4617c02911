using Grpc.Core;
using Matrix.EventSourced.EventStore.Wire;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.EventStore.EventStoreDb;

/// <summary>The process's one subscription to the whole log; it feeds the window that all live subscribers
/// read.</summary>
/// <remarks>
/// <code>
///   node ══ $all, unfiltered ══► follower ──► window ──► subscriber, subscriber, …
///            broken: again after the last position that was said
/// </code>
/// Unfiltered, so that its progress is exact: what it has not said is not in the log up to there.
/// It begins when somebody subscribes first.
/// </remarks>
internal sealed partial class LogFollower(
    NodeConnector connector, HeadReader head, KnownIds known, EventStoreDbOptions options, ILogger log)
{
    private readonly Lock _lock = new();
    private LiveWindow? _window;
    private Task _running = Task.CompletedTask;

    /// <summary>The window, which covers everything after some position at or before <paramref name="from"/> or later
    /// ones. Requires: from is a position of a record, or the start.</summary>
    public LiveWindow WindowFrom(LogPosition from)
    {
        lock (_lock)
        {
            if (_window is null)
            {
                _window = new LiveWindow(from, options.RecentRecordsMax, options.RecentBytesMax);
                _running = RunAsync(_window);
            }
            return _window;
        }
    }

    /// <summary>Ends when the connection is closed.</summary>
    public Task StoppedAsync()
    {
        lock (_lock)
            return _running;
    }

    private async Task RunAsync(LiveWindow window)
    {
        await Task.Yield();
        var failures = 0;
        var said = window.Head;
        while (!connector.Closed.IsCancellationRequested)
        {
            try
            {
                var node = await connector.GetAsync(connector.Closed);
                try
                {
                    // What stands in the log now has been said, or never will be, when the node says that it caught up.
                    var upTo = await head.ReadAsync(connector.Closed);
                    using var call = node.Streams.Read(
                        ReadRequests.SubscribeAfter(said), node.Options(connector.Closed));
                    while (await call.ResponseStream.MoveNext(CancellationToken.None))
                    {
                        failures = 0;
                        said = Take(call.ResponseStream.Current, window, said, upTo);
                    }
                    throw new RpcException(new Grpc.Core.Status(StatusCode.Unavailable, "the subscription ended"));
                }
                catch (RpcException problem) when (!connector.Closed.IsCancellationRequested)
                {
                    connector.Lost(node, problem);
                    if (!CallErrors.IsTransient(problem))
                    {
                        LogFailed(log, CallErrors.Describe(problem));
                        window.Fail(CallErrors.Translate(problem));
                    }
                    if (failures++ > 0)
                        await connector.Backoff.WaitAsync(failures, connector.Closed);
                }
            }
            catch (EventStoreException)
            {
                // No node for a while: subscribers go on waiting, and the connection says why.
            }
            catch (Exception) when (connector.Closed.IsCancellationRequested)
            {
                return;
            }
        }
    }

    private LogPosition Take(ReadResp message, LiveWindow window, LogPosition said, LogPosition upTo)
    {
        if (message.ContentCase == ReadResp.ContentOneofCase.Event)
        {
            var record = WireRecords.ToRecord(message.Event);
            // A node that says again what it has said would double it for everybody.
            if (record.Position <= said)
                return said;
            head.Reached(record.Position);
            known.Add(record);
            window.Publish(record);
            return record.Position;
        }
        if (message.ContentCase == ReadResp.ContentOneofCase.CaughtUp)
            window.Advance(upTo);
        return said;
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The log cannot be followed: {problem}")]
    private static partial void LogFailed(ILogger logger, string problem);
}
