using System.Net;

namespace Matrix.EventSourced.Federation.Discovery;

/// <summary>Which addresses may be contacted on another server's word.</summary>
/// <remarks>
/// Without it, a name that somebody else controls could make this server talk to machines that only it can reach.
/// It is asked about every address right before it is connected to, so neither DNS answers that change, nor redirects,
/// nor SRV targets, nor IP literals go around it.
/// Shape: IPv4 addresses in IPv6 clothes (mapped, compatible, 6to4, NAT64) are asked about as what they are.
/// </remarks>
public sealed class AddressGuard(IReadOnlyList<IPNetwork> denied, bool allowsAll)
{
    public bool Allows(IPAddress address)
    {
        if (allowsAll)
            return true;
        if (IsDenied(address))
            return false;
        return Embedded(address) is not { } inner || !IsDenied(inner);
    }

    private bool IsDenied(IPAddress address)
    {
        foreach (var network in denied)
        {
            if (network.Contains(address))
                return true;
        }
        return false;
    }

    private static IPAddress? Embedded(IPAddress address)
    {
        if (address.AddressFamily != System.Net.Sockets.AddressFamily.InterNetworkV6)
            return null;
        var bytes = address.GetAddressBytes();
        if (address.IsIPv4MappedToIPv6 || bytes.AsSpan(0, 12).IndexOfAnyExcept((byte)0) < 0)
            return new IPAddress(bytes.AsSpan(12));
        // 6to4 (RFC 3056) and NAT64 (RFC 6052).
        if (bytes[0] == 0x20 && bytes[1] == 0x02)
            return new IPAddress(bytes.AsSpan(2, 4));
        if (bytes[0] == 0x00 && bytes[1] == 0x64 && bytes[2] == 0xff && bytes[3] == 0x9b)
            return new IPAddress(bytes.AsSpan(12));
        return null;
    }
}
