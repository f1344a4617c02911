using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.Sync;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.Hosting;

/// <summary>Looks after guests: in all rooms when the server starts, then in those whose guest access
/// changes.</summary>
internal sealed partial class GuestDepartureHost(
    LiveView view, GuestQueries guests, GuestDepartures departures, ILogger<GuestDepartureHost> logger)
    : IHostedService, IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _running = RunAsync();
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();
        await _running;
    }

    public void Dispose() => _stop.Dispose();

    private async Task RunAsync()
    {
        await Task.Yield();
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await NextAsync();
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                // What is left is looked at after the next start.
            }
            catch (Exception problem)
            {
                LogFailed(problem);
            }
        }
    }

    private async Task NextAsync()
    {
        IReadOnlyList<RoomId> rooms = await view.GuestAccess.WaitAsync(_stop.Token) is { } some
            ? [.. some.Where(room => room.Length > 0).Order(StringComparer.Ordinal).Select(RoomId.Parse)]
            : await guests.RoomsAsync(_stop.Token);
        foreach (var room in rooms)
            await departures.CheckAsync(room, await guests.InRoomAsync(room, _stop.Token));
    }

    [LoggerMessage(LogLevel.Error, "Guests could not be taken out of rooms; after the next start it is tried again")]
    private partial void LogFailed(Exception problem);
}
