using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Projections.FedSender;
using Matrix.EventSourced.Protocol.Identifiers;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Federation.FedSender;

/// <summary>Sends this server's PDUs and EDUs to the others.</summary>
/// <remarks>See the README beside this file. Requires: started after the projections, stopped before them.</remarks>
public sealed class FederationSender(
    FedSenderSignals signals,
    IDeliveryQueue queue,
    TransactionBuilder builder,
    DeliveryLog deliveries,
    FederationClient client,
    TimeProvider time,
    IRandom random,
    ILogger<FederationSender> logger) : IHostedService, IFedSenderForFederationApi, IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ServerName, DestinationWorker> _serverToWorker = [];
    private readonly CancellationTokenSource _stopping = new();
    private FedSenderServices? _services;
    private Task _scan = Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _services = new FedSenderServices(
            queue, builder, deliveries, client, time, random, logger, _stopping.Token);
        // Listening comes first: what is queued during the scan is heard of twice rather than never.
        signals.Listen(Queued);
        Queued(null);
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        signals.Listen(null);
        await _stopping.CancelAsync();
        Task[] running;
        lock (_lock)
            running = [_scan, .. _serverToWorker.Values.Select(worker => worker.Running)];
        await Task.WhenAll(running);
    }

    public void ServerIsAlive(ServerName origin)
    {
        DestinationWorker? worker;
        lock (_lock)
            worker = _serverToWorker.GetValueOrDefault(origin);
        worker?.Wake();
    }

    public void Dispose()
    {
        _stopping.Dispose();
        _services?.Slots.Dispose();
    }

    private void Queued(IReadOnlyCollection<string>? destinations)
    {
        if (destinations is null)
        {
            lock (_lock)
                _scan = ScanAsync(_scan);
            return;
        }
        foreach (var destination in destinations)
            Worker(destination)?.Signal();
    }

    /// <summary>Asks the tables for whom something waits.</summary>
    private async Task ScanAsync(Task before)
    {
        await Task.Yield();
        await before;
        for (var failures = 0; !_stopping.IsCancellationRequested; failures++)
        {
            try
            {
                foreach (var destination in await queue.WaitingAsync(_stopping.Token))
                    Worker(destination)?.Signal();
                return;
            }
            catch (Exception problem) when (problem is Npgsql.NpgsqlException or TimeoutException
                or OperationCanceledException)
            {
                await FedSenderServices.PauseAsync(
                    FedSenderLimits.BackoffFirst * Math.Min(failures + 1, 30), time, _stopping.Token);
            }
        }
    }

    private DestinationWorker? Worker(string destination)
    {
        // A name that no server can have is in no queue, but tables are only tables.
        if (!ServerName.TryParse(destination, out var server))
            return null;
        lock (_lock)
        {
            if (!_serverToWorker.TryGetValue(server, out var worker))
                _serverToWorker.Add(server, worker = new DestinationWorker(server, _services!));
            return worker;
        }
    }
}
