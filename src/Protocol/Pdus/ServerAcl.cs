using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Protocol.Pdus;

/// <summary>Which servers a room keeps out.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #server-access-control-lists-acls-for-rooms; server-server-api
/// #server-access-control-lists-acls.
/// Shape: names are compared without their port, ASCII letters of either case; <c>*</c> is any characters,
/// <c>?</c> is one.
/// Ensures: pure. A room without the event lets everybody in; an event without a list of allowed servers nobody.
/// Cost: linear in the lists; globs are matched without backtracking over more than one star.
/// </remarks>
public sealed class ServerAcl
{
    /// <summary>A room without access control.</summary>
    public static readonly ServerAcl Open = new(["*"], [], allowsIpLiterals: true);

    private readonly IReadOnlyList<string> _allowed;
    private readonly IReadOnlyList<string> _denied;
    private readonly bool _allowsIpLiterals;

    private ServerAcl(IReadOnlyList<string> allowed, IReadOnlyList<string> denied, bool allowsIpLiterals) =>
        (_allowed, _denied, _allowsIpLiterals) = (allowed, denied, allowsIpLiterals);

    /// <param name="acl">The room's <c>m.room.server_acl</c> with an empty state key, or null.</param>
    public static ServerAcl From(Pdu? acl)
    {
        if (acl is null)
            return Open;
        var content = acl.Content;
        var allowsIpLiterals = !content.TryGetProperty("allow_ip_literals"u8, out var flag)
            || flag.ValueKind != JsonValueKind.False;
        return new ServerAcl(Globs(content, "allow"u8), Globs(content, "deny"u8), allowsIpLiterals);
    }

    /// <summary>Whether the server may take part.</summary>
    public bool Allows(ServerName server)
    {
        var host = HostOf(server.Value);
        if (!_allowsIpLiterals && IsIpLiteral(host))
            return false;
        foreach (var glob in _denied)
        {
            if (Matches(glob, host))
                return false;
        }
        foreach (var glob in _allowed)
        {
            if (Matches(glob, host))
                return true;
        }
        return false;
    }

    private static List<string> Globs(JsonElement content, ReadOnlySpan<byte> name)
    {
        var globs = new List<string>();
        if (!content.TryGetProperty(name, out var list) || list.ValueKind != JsonValueKind.Array)
            return globs;
        foreach (var entry in list.EnumerateArray())
        {
            if (entry.ValueKind == JsonValueKind.String)
                globs.Add(entry.GetString()!);
        }
        return globs;
    }

    /// <summary>The name without a port; an IPv6 address keeps its brackets.</summary>
    private static string HostOf(string server)
    {
        var end = server.LastIndexOf(':');
        return end > server.LastIndexOf(']') && end >= 0 ? server[..end] : server;
    }

    private static bool IsIpLiteral(string host) => host.StartsWith('[')
        || (System.Net.IPAddress.TryParse(host, out var address)
            && address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork);

    private static bool Matches(string glob, string text)
    {
        var (g, t, star, resume) = (0, 0, -1, 0);
        while (t < text.Length)
        {
            if (g < glob.Length && glob[g] == '*')
            {
                (star, resume) = (g++, t);
            }
            else if (g < glob.Length && (glob[g] == '?' || Same(glob[g], text[t])))
            {
                g++;
                t++;
            }
            else if (star >= 0)
            {
                g = star + 1;
                t = ++resume;
            }
            else
            {
                return false;
            }
        }
        while (g < glob.Length && glob[g] == '*')
            g++;
        return g == glob.Length;
    }

    private static bool Same(char first, char second) =>
        first == second || (char.IsAscii(first) && char.ToLowerInvariant(first) == char.ToLowerInvariant(second));
}
