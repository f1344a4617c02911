using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Federation.Transport;

/// <summary>So many requests to one server at once; further ones wait their turn.</summary>
/// <remarks>A gate exists only while somebody is in it or waits. LOCK: a leaf.</remarks>
internal sealed class DestinationGates(int requestsMax)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ServerName, Gate> _serverToGate = [];

    public async ValueTask<Pass> EnterAsync(ServerName server, CancellationToken cancellationToken)
    {
        Gate? gate;
        lock (_lock)
        {
            if (!_serverToGate.TryGetValue(server, out gate))
                _serverToGate.Add(server, gate = new Gate(new SemaphoreSlim(requestsMax, requestsMax)));
            gate.Users++;
        }
        try
        {
            await gate.Semaphore.WaitAsync(cancellationToken);
        }
        catch
        {
            Leave(server, gate);
            throw;
        }
        return new Pass(this, server, gate);
    }

    private void Leave(ServerName server, Gate gate)
    {
        lock (_lock)
        {
            if (--gate.Users > 0)
                return;
            _serverToGate.Remove(server);
        }
        gate.Semaphore.Dispose();
    }

    internal sealed class Pass(DestinationGates gates, ServerName server, Gate gate) : IDisposable
    {
        public void Dispose()
        {
            gate.Semaphore.Release();
            gates.Leave(server, gate);
        }
    }

    internal sealed class Gate(SemaphoreSlim semaphore)
    {
        public SemaphoreSlim Semaphore { get; } = semaphore;

        public int Users { get; set; }
    }
}
