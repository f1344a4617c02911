using System.Globalization;

namespace Matrix.EventSourced.EventStore.EventStoreDb;

/// <summary>Where a node listens. Shape: an IPv6 address stands without its brackets.</summary>
public readonly record struct NodeAddress(string Host, int Port)
{
    /// <summary>The port of a node that names none.</summary>
    public const int PortDefault = 2113;

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{(Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host)}:{Port}");

    internal static bool TryParse(ReadOnlySpan<char> text, out NodeAddress address)
    {
        address = default;
        var colon = text.LastIndexOf(':');
        var bracket = text.LastIndexOf(']');
        var port = PortDefault;
        if (colon > bracket)
        {
            if (!int.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out port)
                || port is 0 or > 65_535)
                return false;
            text = text[..colon];
        }
        if (bracket >= 0)
        {
            if (text.Length < 3 || text[0] != '[' || text[^1] != ']')
                return false;
            text = text[1..^1];
        }
        var host = text.ToString();
        if (Uri.CheckHostName(host) == UriHostNameType.Unknown)
            return false;
        address = new NodeAddress(host, port);
        return true;
    }
}
