using System.Net;
using System.Net.Sockets;
using Matrix.EventSourced.Federation.Discovery;

namespace Matrix.EventSourced.Federation.Transport;

/// <summary>Opens connections: resolves a name anew, asks the guard about each address, and connects to that very
/// address.</summary>
/// <remarks>Addresses are tried in the resolver's order; each but the last gets only a few seconds.</remarks>
internal sealed class GuardedConnector(INameResolver resolver, AddressGuard guard, TimeProvider time)
{
    // LIMIT: how long one address of several is waited for. Ours: a broken IPv6 route must not cost the request.
    private static readonly TimeSpan OneOfSeveral = TimeSpan.FromSeconds(4);

    public async ValueTask<Stream> ConnectAsync(DnsEndPoint place, CancellationToken cancellationToken)
    {
        var found = await resolver.AddressesAsync(place.Host, cancellationToken);
        if (found.Count == 0)
            throw new IOException($"{place.Host} has no address.");
        var addresses = found.Where(guard.Allows).Distinct().ToList();
        if (addresses.Count == 0)
            throw new DeniedAddressException($"{place.Host} has only addresses that must not be contacted.");
        for (var i = 0; ; i++)
        {
            var isLast = i == addresses.Count - 1;
            try
            {
                return await ConnectAsync(new IPEndPoint(addresses[i], place.Port), isLast, cancellationToken);
            }
            catch (Exception problem) when (!isLast && !cancellationToken.IsCancellationRequested
                && problem is SocketException or OperationCanceledException)
            {
                continue;
            }
        }
    }

    private async ValueTask<Stream> ConnectAsync(IPEndPoint address, bool isLast, CancellationToken cancellationToken)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            using var patience = new CancellationTokenSource(isLast ? Timeout.InfiniteTimeSpan : OneOfSeveral, time);
            using var linked = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
            await socket.ConnectAsync(address, linked.Token);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
