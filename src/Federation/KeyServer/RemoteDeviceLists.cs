using Matrix.EventSourced.Commands.KeyServer;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Projections.FedSender;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.KeyServer;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Federation.KeyServer;

/// <summary>Fetches device lists of other servers' users, and forgets those of whom nobody here knows any more; tells
/// servers that are new in a room of the devices of our users there.</summary>
/// <remarks>
/// <code>
///   outdated (fact) ──► the server's queue ──► /user/devices ──► fetched (fact)
///                            ▲                    └──► away: later, with backoff; soon where the server is heard of
///   start ──► the tables ────┘
///   a client asks ──► /user/devices, together with whoever else asks for the same
///   left the last shared room ──► forgotten (fact)
///   joined a room with servers that know nothing of the user ──► said again (fact)
/// </code>
/// Spec: v1.19 server-server-api #device-management. Which lists are outdated stands in the tables, so a queue that
/// forgot something costs time only. LOCK: a leaf.
/// </remarks>
public sealed partial class RemoteDeviceLists(
    FederationClient client,
    RemoteDeviceBook book,
    DeviceListKeeper ours,
    KeyServerReader reader,
    RemoteListSignals outdated,
    FedSenderSignals rooms,
    IProjectionGate gate,
    ServerIdentity us,
    TimeProvider time,
    ILogger<RemoteDeviceLists> logger) : IDisposable
{
    private static readonly ReadOnlyMemory<string> Sharing = new[] { FedSenderProjection.ProjectionName };

    private static readonly ReadOnlyMemory<string> Duties = new[]
    {
        FedSenderProjection.ProjectionName,
        KeyServerProjection.ProjectionName,
        RoomserverProjection.ProjectionName,
    };

    private readonly Lock _lock = new();
    private readonly Dictionary<UserId, Task<(RemoteDeviceListFetched? List, FetchOutcome Outcome)>> _underWay = [];
    private readonly Dictionary<ServerName, RemoteListQueue> _serverToQueue = [];
    private readonly CancellationTokenSource _stopping = new();
    private Task _duties = Task.CompletedTask;

    /// <summary>Requires: started after the projections.</summary>
    public void Start()
    {
        outdated.Listen(user =>
        {
            if (user is { } one)
                Due(one);
            else
                ScanLater();
        });
        rooms.ListenToPartings(Parted);
        rooms.ListenToJoins(joins => DoLater(() => TellNewServersAsync(joins)));
        ScanLater();
    }

    public async Task StopAsync()
    {
        outdated.Listen(null);
        rooms.ListenToPartings(null);
        rooms.ListenToJoins(null);
        await _stopping.CancelAsync();
        Task[] running;
        lock (_lock)
            running = [_duties, .. _serverToQueue.Values.Select(queue => queue.Running), .. _underWay.Values];
        await Task.WhenAll(running.Select(task => task.ContinueWith(
            static _ => { },
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default)));
    }

    public void Dispose() => _stopping.Dispose();

    /// <summary>A list has to be fetched, soon. Its server was just heard of, or never failed.</summary>
    public void Due(UserId user)
    {
        lock (_lock)
        {
            if (_stopping.IsCancellationRequested)
                return;
            if (!_serverToQueue.TryGetValue(user.Server, out var queue))
                _serverToQueue.Add(user.Server, queue = new(this, user.Server, time, _stopping.Token));
            queue.Add(user);
        }
    }

    /// <summary>Waits until all is let go of whom no room was shared with any more, as of the gate's last
    /// answer.</summary>
    public async ValueTask SettledAsync(CancellationToken cancellationToken)
    {
        Task duties;
        lock (_lock)
            duties = _duties;
        await duties.WaitAsync(cancellationToken);
    }

    /// <summary>Whether <see cref="SettledAsync"/> would wait.</summary>
    public bool IsSettled
    {
        get
        {
            lock (_lock)
                return _duties.IsCompleted;
        }
    }

    /// <summary>The list, fetched now and kept; null where it cannot be had, or nobody here shares a room with the
    /// user.</summary>
    public async ValueTask<RemoteDeviceListFetched?> FetchAsync(UserId user, CancellationToken cancellationToken) =>
        // One who goes away does not end it for the others.
        (await Fetch(user).WaitAsync(cancellationToken)).List;

    internal async ValueTask<FetchOutcome> TryFetchAsync(UserId user) => (await Fetch(user)).Outcome;

    internal void QueueEnded(ServerName server, RemoteListQueue queue)
    {
        lock (_lock)
        {
            if (!queue.IsRunning && _serverToQueue.GetValueOrDefault(server) == queue)
                _serverToQueue.Remove(server);
        }
    }

    internal void LogFault(Exception problem) => LogNotFetched(logger, problem.Message);

    private Task<(RemoteDeviceListFetched? List, FetchOutcome Outcome)> Fetch(UserId user)
    {
        lock (_lock)
        {
            if (!_underWay.TryGetValue(user, out var fetch))
                _underWay.Add(user, fetch = FetchNowAsync(user));
            return fetch;
        }
    }

    private async Task<(RemoteDeviceListFetched? List, FetchOutcome Outcome)> FetchNowAsync(UserId user)
    {
        await Task.Yield();
        try
        {
            var answer = await client.UserDevicesAsync(user.Server, user, _stopping.Token);
            if (answer.ValueOrDefault is not { } found)
                return (null, IsAway(answer) ? FetchOutcome.Away : FetchOutcome.Settled);
            if (RemoteKeyReading.List(found.Json, user) is not { } list)
                return (null, FetchOutcome.Settled);
            await gate.WaitForHeadAsync(Sharing, _stopping.Token);
            if ((await reader.SharingAsync([user.Value], us.Name, _stopping.Token)).Count == 0)
            {
                await book.ForgetAsync(user, Context());
                return (null, FetchOutcome.Settled);
            }
            if (SizeOf(list) <= Limits.RemoteDeviceListBytesMax)
                await book.FetchedAsync(list, Context(user.Server));
            return (list, FetchOutcome.Settled);
        }
        finally
        {
            lock (_lock)
                _underWay.Remove(user);
        }
    }

    /// <summary>Whether it is worth to ask again: what a server refuses, it refuses again.</summary>
    private static bool IsAway(FederationResult<RemoteObject> answer) => answer switch
    {
        FederationResult<RemoteObject>.Refused { Error.Status: var status } => status is 429 or >= 500,
        FederationResult<RemoteObject>.Failed => true,
        _ => false,
    };

    private void Parted(Partings? partings)
    {
        if (partings is { } some)
            DoLater(() => LetGoAsync(some));
        else
            ScanLater();
    }

    private void ScanLater() => DoLater(DoAllAsync);

    private void DoLater(Func<Task> duty)
    {
        lock (_lock)
        {
            if (!_stopping.IsCancellationRequested)
                _duties = RunAsync(_duties, duty);
        }
    }

    private async Task RunAsync(Task before, Func<Task> duty)
    {
        // Whoever calls is a projection's loop, which the duty waits for.
        await Task.Yield();
        await before;
        for (var failures = 0; !_stopping.IsCancellationRequested; failures++)
        {
            try
            {
                await duty();
                return;
            }
            catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception problem) when (failures < 5)
            {
                LogNotFetched(logger, problem.Message);
                await PauseAsync(KeyServerLimits.BackoffFirst * (failures + 1));
            }
            catch (Exception problem)
            {
                LogNotFetched(logger, problem.Message);
                return;
            }
        }
    }

    private async Task DoAllAsync()
    {
        await gate.WaitForHeadAsync(Duties, _stopping.Token);
        var (unshared, due) = await reader.ReadRemoteDutiesAsync(us.Name, KeyServerLimits.DutiesMax, _stopping.Token);
        foreach (var user in unshared)
            await book.ForgetAsync(user, Context());
        foreach (var user in due.Except(unshared))
            Due(user);
    }

    private async Task TellNewServersAsync(IReadOnlyList<(string User, string Room)> joins)
    {
        foreach (var (user, room) in joins)
        {
            if (UserId.TryParse(user, out var userId)
                && await reader.HasNewServersAsync(user, room, us.Name, _stopping.Token))
                await ours.TellAgainAsync(userId, Context());
        }
    }

    /// <summary>Who shared no room with us for a moment may have told others of changes meanwhile.</summary>
    private async Task LetGoAsync(Partings partings)
    {
        await gate.WaitForHeadAsync(Duties, _stopping.Token);
        var parted = await reader.ReadPartedAsync(
            partings.Users, partings.LeftRooms, partings.Position, us.Name, _stopping.Token);
        var sharing = await reader.SharingAsync(
            [.. parted.Select(user => user.Value)], us.Name, _stopping.Token);
        foreach (var user in parted)
        {
            if (sharing.Contains(user.Value))
                await book.OutdateAsync(user, Context());
            else
                await book.ForgetAsync(user, Context());
        }
    }

    internal Task PauseAsync(TimeSpan wait) => Task
        .Delay(wait, time, _stopping.Token)
        .ContinueWith(
            static _ => { },
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);

    private static int SizeOf(RemoteDeviceListFetched list) =>
        list.Devices.Sum(device => 1_024 + device.DeviceId.Length + (device.Keys?.Utf8.Length ?? 0))
        + (list.MasterKey?.Utf8.Length ?? 0) + (list.SelfSigningKey?.Utf8.Length ?? 0);

    private CommandContext Context(ServerName? server = null) => new(
        server is { } named ? new FactActor(Server: named.Value) : FactActor.Self,
        time.GetUtcNow().ToUnixTimeMilliseconds(),
        "keyserver");

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "Device lists of other servers' users could not be looked after; it is tried again: {problem}")]
    private static partial void LogNotFetched(ILogger logger, string problem);
}
