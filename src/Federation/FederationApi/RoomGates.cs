using System.Collections.Concurrent;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Federation.FederationApi;

/// <summary>Lets one at a time fetch what a room is missing; rooms do not wait for each other.</summary>
public sealed class RoomGates
{
    private readonly ConcurrentDictionary<RoomId, Gate> _roomIdToGate = new();

    /// <summary>Waits for one's turn; it ends when what is returned is disposed of.</summary>
    public async ValueTask<IAsyncDisposable> EnterAsync(RoomId roomId, CancellationToken cancellationToken)
    {
        var gate = Take(roomId);
        try
        {
            await gate.Semaphore.WaitAsync(cancellationToken);
        }
        catch
        {
            Leave(roomId, gate);
            throw;
        }
        return new Turn(this, roomId, gate);
    }

    private Gate Take(RoomId roomId)
    {
        while (true)
        {
            var gate = _roomIdToGate.GetOrAdd(roomId, static _ => new Gate());
            lock (gate)
            {
                if (gate.IsClosed)
                    continue;
                gate.Users++;
                return gate;
            }
        }
    }

    private void Leave(RoomId roomId, Gate gate)
    {
        lock (gate)
        {
            if (--gate.Users > 0)
                return;
            gate.IsClosed = true;
            _roomIdToGate.TryRemove(new KeyValuePair<RoomId, Gate>(roomId, gate));
        }
        gate.Semaphore.Dispose();
    }

    private sealed class Gate
    {
        public SemaphoreSlim Semaphore { get; } = new(1, 1);
        public int Users { get; set; }
        public bool IsClosed { get; set; }
    }

    private sealed class Turn(RoomGates gates, RoomId roomId, Gate gate) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            gate.Semaphore.Release();
            gates.Leave(roomId, gate);
            return ValueTask.CompletedTask;
        }
    }
}
