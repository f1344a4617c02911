using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Commands.EduServer;

/// <summary>Records what other servers say of their users' presence, and that nothing was said for too long.</summary>
/// <remarks>
/// <code>
///   m.presence ──► when it was heard, in memory ──► decide ──► append (relaxed) where it shows
///                              └── a look every minute while anybody is there ──► forget
/// </code>
/// A server that went away cannot say that its users are gone, and an EDU may get lost: what is not said again ends.
/// After a start, everybody whom the log says to be there counts as just heard of.
/// LOCK: a leaf; nothing is awaited under it.
/// </remarks>
public sealed partial class RemotePresence(
    IEventStore log,
    FactAppender appender,
    TimeProvider time,
    IEduLookup lookup,
    PresenceOptions options,
    ILogger<RemotePresence> logger) : IDisposable
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMinutes(1);

    private readonly AggregateStore<UserPresenceState> _users = new(
        log,
        appender,
        durability: Durability.Relaxed,
        bounds: new StreamMetadata(MaxCount: Limits.EduStreamRecordsMax));

    private readonly Lock _lock = new();
    private readonly Dictionary<UserId, long> _userIdToHeardMs = [];
    private ITimer? _timer;
    private bool _isStopped;

    /// <summary>Takes over from the process before; where presence is switched off, everybody is forgotten.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var heardMs = options.IsEnabled ? NowMs() : NowMs() - Limits.PresenceRemoteMs;
        foreach (var present in await lookup.PresentUsersAsync(cancellationToken))
        {
            if (!present.UserId.IsOn(options.Server))
                Hear(present.UserId, heardMs);
        }
        if (!options.IsEnabled)
            await ForgetAsync();
    }

    /// <summary>Another server says how its user is.</summary>
    public async ValueTask<Execution<UserPresenceState>> SetAsync(PresenceChanged changed, CommandContext context)
    {
        // Before it is decided, so that whoever forgets the user meanwhile sees it.
        if (changed.Presence != PresenceState.Offline)
            Hear(changed.UserId, NowMs());
        return await ExecuteAsync(changed.UserId, state => PresenceDecider.Change(state, changed), context);
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _isStopped = true;
            _timer?.Dispose();
            _timer = null;
            _userIdToHeardMs.Clear();
        }
    }

    private long NowMs() => time.GetUtcNow().ToUnixTimeMilliseconds();

    private void Hear(UserId user, long heardMs)
    {
        lock (_lock)
        {
            if (_isStopped)
                return;
            _userIdToHeardMs[user] = heardMs;
            _timer ??= time.CreateTimer(_ => _ = ForgetAsync(), null, LookEvery, LookEvery);
        }
    }

    private bool IsHeard(UserId user)
    {
        lock (_lock)
            return _userIdToHeardMs.ContainsKey(user);
    }

    private async Task ForgetAsync()
    {
        // Whoever moves the clock must not wait for the log.
        await Task.Yield();
        var now = NowMs();
        List<UserId> silent = [];
        lock (_lock)
        {
            foreach (var (user, heardMs) in _userIdToHeardMs)
            {
                if (heardMs + Limits.PresenceRemoteMs <= now)
                    silent.Add(user);
            }
            foreach (var user in silent)
                _userIdToHeardMs.Remove(user);
            if (_userIdToHeardMs.Count == 0)
            {
                _timer?.Dispose();
                _timer = null;
            }
        }
        for (var i = 0; i < silent.Count; i++)
        {
            var user = silent[i];
            try
            {
                await ExecuteAsync(
                    user,
                    state => IsHeard(user) ? Decision.Nothing : PresenceDecider.Forget(state, user, now),
                    new CommandContext(FactActor.Self, now, "presence-timeout"));
            }
            catch (EventStoreException problem)
            {
                // The log is away: with the next look again, for all that are left.
                LogNotRecorded(logger, user.Value, problem.Message);
                foreach (var left in silent.Skip(i).Where(left => !IsHeard(left)))
                    Hear(left, now - Limits.PresenceRemoteMs);
                return;
            }
        }
    }

    private ValueTask<Execution<UserPresenceState>> ExecuteAsync(
        UserId user, Func<UserPresenceState, Decision> decide, CommandContext context) => _users.ExecuteAsync(
            new StreamName(StreamCategories.Presence, user.Value), decide, context, CancellationToken.None);

    [LoggerMessage(Level = LogLevel.Error, Message =
        "That {user_id} is gone could not be recorded: {problem}")]
    private static partial void LogNotRecorded(ILogger logger, string user_id, string problem);
}
