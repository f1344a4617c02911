using System.Collections.Immutable;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Commands.EduServer;

/// <summary>Writes who types where, and ends it for those whose time is over.</summary>
/// <remarks>
/// <code>
///   start, stop ──► decide ──► append (relaxed) ──► a timer per room, at the first end ──► expire ──► append
/// </code>
/// Everything is a fact, the end of the time too, so that one position of the log says who types. After a start the
/// timers begin with what the read side says (<see cref="StartAsync"/>).
/// LOCK: a leaf, for the map of timers.
/// </remarks>
public sealed partial class TypingBook(
    IEventStore log, FactAppender appender, TimeProvider time, IEduLookup lookup, ILogger<TypingBook> logger)
    : IDisposable
{
    /// <summary>How long to wait when the log could not be written.</summary>
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    private readonly AggregateStore<TypingState> _rooms = new(
        log,
        appender,
        durability: Durability.Relaxed,
        bounds: new StreamMetadata(MaxCount: Limits.EduStreamRecordsMax));

    private readonly Lock _lock = new();
    private readonly Dictionary<RoomId, ITimer> _roomIdToTimer = [];
    private bool _isStopped;

    /// <summary>Begins to watch over those who typed when the server went down.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var (room, typists) in await lookup.TypingRoomsAsync(cancellationToken))
            Watch(room, typists);
    }

    public ValueTask<Execution<TypingState>> StartTypingAsync(
        RoomId room, UserId user, int timeoutMs, CommandContext context) =>
        ExecuteAsync(room, state => TypingDecider.Start(state, room, user, NowMs() + timeoutMs), context);

    public ValueTask<Execution<TypingState>> StopTypingAsync(RoomId room, UserId user, CommandContext context) =>
        ExecuteAsync(room, state => TypingDecider.Stop(state, room, user), context);

    public void Dispose()
    {
        lock (_lock)
        {
            _isStopped = true;
            foreach (var timer in _roomIdToTimer.Values)
                timer.Dispose();
            _roomIdToTimer.Clear();
        }
    }

    private long NowMs() => time.GetUtcNow().ToUnixTimeMilliseconds();

    private async ValueTask<Execution<TypingState>> ExecuteAsync(
        RoomId room, Func<TypingState, Decision> decide, CommandContext context)
    {
        var stream = new StreamName(StreamCategories.Typing, room.Value);
        try
        {
            var execution = await _rooms.ExecuteAsync(stream, decide, context, CancellationToken.None);
            if (execution is Execution<TypingState>.Done done)
                Watch(room, done.After.Typists);
            return execution;
        }
        catch (EventStoreException)
        {
            // It may be durable nevertheless, and then it must end: the timer looks again.
            SetTimer(room, RetryAfter);
            throw;
        }
    }

    private void Watch(RoomId room, ImmutableArray<Typist> typists)
    {
        if (typists.IsEmpty)
        {
            SetTimer(room, null);
            return;
        }
        var wait = typists.Min(static typist => typist.UntilMs) - NowMs();
        SetTimer(room, TimeSpan.FromMilliseconds(Math.Max(wait, 0)));
    }

    private void SetTimer(RoomId room, TimeSpan? wait)
    {
        lock (_lock)
        {
            if (_isStopped)
                return;
            if (wait is not { } due)
            {
                if (_roomIdToTimer.Remove(room, out var old))
                    old.Dispose();
            }
            else if (_roomIdToTimer.TryGetValue(room, out var timer))
            {
                timer.Change(due, Timeout.InfiniteTimeSpan);
            }
            else
            {
                _roomIdToTimer[room] = time.CreateTimer(
                    state => _ = ExpireAsync((RoomId)state!), room, due, Timeout.InfiniteTimeSpan);
            }
        }
    }

    private async Task ExpireAsync(RoomId room)
    {
        // Whoever moves the clock must not wait for the log.
        await Task.Yield();
        var now = NowMs();
        try
        {
            await ExecuteAsync(
                room,
                state => TypingDecider.Expire(state, room, now),
                new CommandContext(FactActor.Self, now, "typing-timeout"));
        }
        catch (EventStoreException problem)
        {
            LogNotExpired(logger, room.Value, problem.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message =
        "Who stopped typing in {room_id} could not be recorded: {problem}")]
    private static partial void LogNotExpired(ILogger logger, string room_id, string problem);
}
