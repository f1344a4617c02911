using System.Net;
using System.Net.Sockets;

namespace Matrix.EventSourced.Kit.Hosting;

/// <summary>Ports of loopback for servers whose port must be known before they start, and stays theirs while they are
/// stopped.</summary>
/// <remarks>Below the range from which the system gives ports to outgoing connections: one of those would take the port
/// of a server that is about to start. Each is given once per process, beginning somewhere else in each.</remarks>
public static class FreePorts
{
    private const int First = 12_000;
    private const int Count = 20_000;

    private static int _next = Environment.ProcessId * 97;

    public static int Take()
    {
        while (true)
        {
            var port = First + (int)((uint)Interlocked.Increment(ref _next) % Count);
            using var listener = new TcpListener(IPAddress.Loopback, port);
            try
            {
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // Somebody has it.
            }
        }
    }
}
