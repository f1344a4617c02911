using System.Net;

namespace Matrix.EventSourced.Api.Http;

/// <summary>Finds the client's address behind reverse proxies whose word is taken.</summary>
/// <remarks>
/// Shape: X-Forwarded-For is read from its end, and only while the address so far is a trusted proxy: what a client
/// wrote there itself is never believed.
/// </remarks>
public sealed class TrustedProxies(IEnumerable<IPAddress> addresses)
{
    public static readonly TrustedProxies Loopback = new([IPAddress.Loopback, IPAddress.IPv6Loopback]);

    private readonly HashSet<IPAddress> _addresses = [.. addresses.Select(Plain)];

    public string ClientAddress(HttpContext http)
    {
        var address = http.Connection.RemoteIpAddress;
        if (address is null)
            return "unknown";
        address = Plain(address);
        var forwarded = http.Request.Headers["X-Forwarded-For"];
        if (forwarded.Count == 0 || !_addresses.Contains(address))
            return address.ToString();
        var hops = forwarded.ToString().Split(
            ',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        for (var i = hops.Length - 1; i >= 0 && _addresses.Contains(address); i--)
        {
            if (!IPAddress.TryParse(hops[i], out var hop))
                break;
            address = Plain(hop);
        }
        return address.ToString();
    }

    private static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
