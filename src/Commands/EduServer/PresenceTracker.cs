using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Commands.EduServer;

/// <summary>Follows what local users do, and records what becomes of their presence.</summary>
/// <remarks>
/// <code>
///   polls, requests, PUT /presence, timers ──► signs in memory ──► decide ──► append (relaxed) where it shows
/// </code>
/// What users do is not a fact, only what it changes: a poll or a message of a user who is active already writes
/// nothing. After a start, everybody whom the log says to be there counts as just seen, and goes offline unless they
/// come back; where presence is switched off, they go at once. Users of other servers are followed by
/// <see cref="RemotePresence"/>.
/// LOCK: a leaf; nothing is awaited under it.
/// </remarks>
public sealed partial class PresenceTracker(
    IEventStore log,
    FactAppender appender,
    TimeProvider time,
    IEduLookup lookup,
    PresenceOptions options,
    ILogger<PresenceTracker> logger) : IDisposable
{
    /// <summary>How long to wait when the log could not be written.</summary>
    private const int RetryMs = 1_000;

    private readonly AggregateStore<UserPresenceState> _users = new(
        log,
        appender,
        durability: Durability.Relaxed,
        bounds: new StreamMetadata(MaxCount: Limits.EduStreamRecordsMax));

    private readonly Lock _lock = new();
    private readonly Dictionary<UserId, LocalUser> _userIdToLocal = [];
    private bool _isStopped;

    public bool IsEnabled => options.IsEnabled;

    /// <summary>Takes over from the process before.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var present in await lookup.PresentUsersAsync(cancellationToken))
        {
            if (!present.UserId.IsOn(options.Server))
                continue;
            var now = NowMs();
            if (!IsEnabled)
            {
                var signs = new PresenceSigns(present.LastActiveMs, now, now);
                await RecordAsync(present.UserId, state => PresenceDecider.Age(state, present.UserId, signs, now));
                continue;
            }
            lock (_lock)
            {
                var local = Open(present.UserId);
                local.State = new UserPresenceState { Last = present };
                local.LastActiveMs = present.LastActiveMs;
                local.SeenUntilMs = now + Limits.PresenceAwayMs;
                Schedule(present.UserId, local);
            }
        }
    }

    /// <summary>A /sync began; dispose what comes back when it ends. Null where it says nothing about presence.
    /// </summary>
    public async ValueTask<IDisposable?> PollAsync(UserId user, PresenceState wanted)
    {
        if (!IsEnabled || wanted == PresenceState.Offline)
            return null;
        var now = NowMs();
        PresenceSigns signs;
        bool isBack, isNews;
        lock (_lock)
        {
            var local = Open(user);
            local.Polls++;
            local.HasPolled = true;
            // A client that was idle and is not any more: somebody touched it.
            isBack = wanted == PresenceState.Online && local.LastWanted == PresenceState.Unavailable;
            if (isBack || local.State.Presence == PresenceState.Offline)
                local.LastActiveMs = now;
            local.LastWanted = wanted;
            if (wanted == PresenceState.Online)
                local.OnlinePolls++;
            signs = local.Signs();
            isNews = Decides(PresenceDecider.Poll(local.State, user, wanted, signs, now))
                || (isBack && Decides(PresenceDecider.Act(local.State, user, now)));
            Schedule(user, local);
        }
        if (isNews)
        {
            await RecordAsync(user, state => isBack && state.Presence != PresenceState.Offline
                ? PresenceDecider.Act(state, user, now)
                : PresenceDecider.Poll(state, user, wanted, signs, now));
        }
        return new PollEnd(this, user, wanted);
    }

    /// <summary>A user did something through a client.</summary>
    public async ValueTask ActAsync(UserId user)
    {
        if (!IsEnabled)
            return;
        var now = NowMs();
        lock (_lock)
        {
            if (!_userIdToLocal.TryGetValue(user, out var local))
                return;
            local.Act(now);
            Schedule(user, local);
            if (!Decides(PresenceDecider.Act(local.State, user, now)))
                return;
        }
        await RecordAsync(user, state => PresenceDecider.Act(state, user, now));
    }

    /// <summary>A local user says how they are.</summary>
    public async ValueTask<Execution<UserPresenceState>> SetAsync(
        UserId user, PresenceState presence, string? statusMsg, CommandContext context)
    {
        var now = NowMs();
        lock (_lock)
        {
            var local = Open(user);
            local.Act(now);
        }
        return await ExecuteAsync(
            user, state => PresenceDecider.Set(state, user, presence, statusMsg, now), context);
    }

    /// <summary>When a local user last did something, where that is known better than the log says.</summary>
    public long? FindLastActive(UserId user)
    {
        lock (_lock)
            return _userIdToLocal.TryGetValue(user, out var local) ? local.LastActiveMs : null;
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _isStopped = true;
            foreach (var local in _userIdToLocal.Values)
                local.Timer?.Dispose();
            _userIdToLocal.Clear();
        }
    }

    private long NowMs() => time.GetUtcNow().ToUnixTimeMilliseconds();

    private static bool Decides(Decision decision) => decision is Decision.Accepted { Facts.IsEmpty: false };

    private void EndPoll(UserId user, PresenceState wanted)
    {
        lock (_lock)
        {
            if (!_userIdToLocal.TryGetValue(user, out var local))
                return;
            var until = NowMs() + Limits.PresenceAwayMs;
            local.Polls--;
            local.SeenUntilMs = Math.Max(local.SeenUntilMs, until);
            if (wanted == PresenceState.Online)
            {
                local.OnlinePolls--;
                local.OnlineUntilMs = until;
            }
            Schedule(user, local);
        }
    }

    private async Task RecordAsync(UserId user, Func<UserPresenceState, Decision> decide)
    {
        var context = new CommandContext(FactActor.Self, NowMs(), "presence");
        try
        {
            await ExecuteAsync(user, decide, context);
        }
        catch (EventStoreException problem)
        {
            // Nobody's request fails for it; the timer says it again.
            LogNotRecorded(logger, user.Value, problem.Message);
        }
    }

    private async ValueTask<Execution<UserPresenceState>> ExecuteAsync(
        UserId user, Func<UserPresenceState, Decision> decide, CommandContext context)
    {
        var stream = new StreamName(StreamCategories.Presence, user.Value);
        try
        {
            var execution = await _users.ExecuteAsync(stream, decide, context, CancellationToken.None);
            if (execution is Execution<UserPresenceState>.Done done)
                Learn(user, done.After);
            return execution;
        }
        catch (EventStoreException)
        {
            Learn(user, null);
            throw;
        }
    }

    /// <summary>Null: the log may have it or not, so that it is looked at again soon.</summary>
    private void Learn(UserId user, UserPresenceState? state)
    {
        lock (_lock)
        {
            if (!_userIdToLocal.TryGetValue(user, out var local))
                return;
            local.IsUnsure = state is null;
            local.State = state ?? local.State;
            Schedule(user, local);
        }
    }

    private LocalUser Open(UserId user)
    {
        if (!_userIdToLocal.TryGetValue(user, out var local))
            _userIdToLocal[user] = local = new();
        return local;
    }

    /// <summary>LOCK: under the lock. Sets the timer for what comes next, and forgets who is gone.</summary>
    private void Schedule(UserId user, LocalUser local, long atLeastMs = 0)
    {
        if (_isStopped)
            return;
        var next = local.IsUnsure
            ? NowMs() + RetryMs
            : PresenceDecider.NextAgeMs(local.State, local.Signs());
        if (next is null && local.Polls == 0 && NowMs() >= local.SeenUntilMs)
        {
            local.Timer?.Dispose();
            _userIdToLocal.Remove(user);
            return;
        }
        var due = next is { } at
            ? TimeSpan.FromMilliseconds(Math.Max(at - NowMs(), atLeastMs))
            : Timeout.InfiniteTimeSpan;
        if (local.Timer is null)
            local.Timer = time.CreateTimer(_ => _ = AgeAsync(user), null, due, Timeout.InfiniteTimeSpan);
        else
            local.Timer.Change(due, Timeout.InfiniteTimeSpan);
    }

    private async Task AgeAsync(UserId user)
    {
        // Whoever moves the clock must not wait for the log.
        await Task.Yield();
        var now = NowMs();
        PresenceSigns signs;
        lock (_lock)
        {
            if (!_userIdToLocal.TryGetValue(user, out var local))
                return;
            signs = local.Signs();
            // Should the log be away, this is what tries again.
            Schedule(user, local, RetryMs);
        }
        await RecordAsync(user, state => PresenceDecider.Age(state, user, signs, now));
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The presence of {user_id} could not be recorded: {problem}")]
    private static partial void LogNotRecorded(ILogger logger, string user_id, string problem);

    private sealed class LocalUser
    {
        public UserPresenceState State { get; set; } = UserPresenceState.Initial;

        public long LastActiveMs { get; set; }

        /// <summary>Whether an append failed, which may be durable nevertheless.</summary>
        public bool IsUnsure { get; set; }

        public int Polls { get; set; }

        public int OnlinePolls { get; set; }

        public bool HasPolled { get; set; }

        public long SeenUntilMs { get; set; }

        public long OnlineUntilMs { get; set; }

        public PresenceState LastWanted { get; set; } = PresenceState.Online;

        public ITimer? Timer { get; set; }

        /// <summary>Who never polls (a bridge, a bot) stays for as long as anybody idle does.</summary>
        public void Act(long nowMs)
        {
            LastActiveMs = nowMs;
            if (!HasPolled)
                SeenUntilMs = Math.Max(SeenUntilMs, nowMs + Limits.PresenceIdleMs + Limits.PresenceAwayMs);
        }

        public PresenceSigns Signs() => new(
            LastActiveMs,
            Polls > 0 ? long.MaxValue : SeenUntilMs,
            OnlinePolls > 0 ? long.MaxValue : OnlineUntilMs);
    }

    private sealed class PollEnd(PresenceTracker tracker, UserId user, PresenceState wanted) : IDisposable
    {
        public void Dispose() => tracker.EndPoll(user, wanted);
    }
}
