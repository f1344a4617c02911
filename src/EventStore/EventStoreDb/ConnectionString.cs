using System.Globalization;

namespace Matrix.EventSourced.EventStore.EventStoreDb;

/// <summary>Reads connection strings as EventStoreDB's clients know them.</summary>
/// <remarks>
/// <code>
///   esdb://host:2113?tls=false                                    one node
///   esdb://user:password@host:2113?tls=true&amp;tlsCAFile=/etc/ca.pem  with credentials, percent-encoded
///   esdb+discover://host1:2113,host2:2113                         a cluster: the hosts are asked for its members
/// </code>
/// Shape: names of parameters in any case; several hosts mean discovery under either scheme.
/// Units: keepAliveInterval, keepAliveTimeout (-1: no pings), discoveryInterval and defaultDeadline in milliseconds,
/// gossipTimeout in seconds.
/// </remarks>
public static class ConnectionString
{
    private const string SchemeOne = "esdb://";
    private const string SchemeDiscover = "esdb+discover://";

    private static readonly string[] Known =
    [
        "tls", "tlsVerifyCert", "tlsCAFile", "keepAliveInterval", "keepAliveTimeout", "nodePreference",
        "connectionName", "maxDiscoverAttempts", "discoveryInterval", "gossipTimeout", "defaultDeadline",
    ];

    /// <summary>Whether a text is meant as a connection string.</summary>
    public static bool IsOne(string text) =>
        text.StartsWith(SchemeOne, StringComparison.OrdinalIgnoreCase)
        || text.StartsWith(SchemeDiscover, StringComparison.OrdinalIgnoreCase);

    /// <summary>Errors: FormatException with a sentence for a person, which never holds the password.</summary>
    public static ConnectionSettings Parse(string text) =>
        TryParse(text, out var problem) ?? throw new FormatException(problem);

    /// <summary>The settings, or null and what is wrong.</summary>
    public static ConnectionSettings? TryParse(string text, out string problem)
    {
        problem = string.Empty;
        try
        {
            return Read(text);
        }
        catch (FormatException wrong)
        {
            problem = wrong.Message;
            return null;
        }
    }

    private static ConnectionSettings Read(string text)
    {
        if (!IsOne(text))
            throw new FormatException($"a connection string begins with {SchemeOne} or {SchemeDiscover}");
        var discovers = text.StartsWith(SchemeDiscover, StringComparison.OrdinalIgnoreCase);
        var rest = text[(discovers ? SchemeDiscover : SchemeOne).Length..];
        var question = rest.IndexOf('?', StringComparison.Ordinal);
        var parameters = question < 0 ? string.Empty : rest[(question + 1)..];
        var authority = (question < 0 ? rest : rest[..question]).TrimEnd('/');
        var at = authority.LastIndexOf('@');
        var hosts = ReadHosts(authority[(at + 1)..]);
        var settings = new ConnectionSettings { Hosts = hosts, Discovers = discovers || hosts.Count > 1 };
        if (at >= 0)
            settings = WithCredentials(settings, authority[..at]);
        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var parameter in parameters.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = parameter.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
                throw new FormatException($"'{parameter}' is no parameter: name=value is one");
            var name = parameter[..equals];
            if (!seen.Add(name))
                throw new FormatException($"{name} stands there twice");
            settings = With(settings, name, Uri.UnescapeDataString(parameter[(equals + 1)..]));
        }
        if (settings is { UsesTls: false, CaFile: not null })
            throw new FormatException("tlsCAFile has no meaning with tls=false");
        return settings;
    }

    private static List<NodeAddress> ReadHosts(string text)
    {
        var hosts = new List<NodeAddress>();
        foreach (var host in text.Split(','))
        {
            if (!NodeAddress.TryParse(host.Trim(), out var address))
            {
                throw new FormatException(
                    host.Length == 0 ? "a host is missing" : $"'{host}' is no host: host or host:port is one");
            }
            hosts.Add(address);
        }
        return hosts;
    }

    private static ConnectionSettings WithCredentials(ConnectionSettings settings, string text)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon <= 0)
            throw new FormatException("what stands before @ is not user:password");
        return settings with
        {
            User = Uri.UnescapeDataString(text[..colon]),
            Password = Uri.UnescapeDataString(text[(colon + 1)..]),
        };
    }

    private static ConnectionSettings With(ConnectionSettings settings, string name, string value) =>
        name.ToUpperInvariant() switch
        {
            "TLS" => settings with { UsesTls = Flag(name, value) },
            "TLSVERIFYCERT" => settings with { VerifiesCertificate = Flag(name, value) },
            "TLSCAFILE" => settings with { CaFile = ExistingFile(name, value) },
            "KEEPALIVEINTERVAL" => settings with { KeepAliveInterval = KeepAlive(name, value) },
            "KEEPALIVETIMEOUT" => settings with { KeepAliveTimeout = KeepAlive(name, value) },
            "NODEPREFERENCE" => settings with { Preference = Preference(name, value) },
            "CONNECTIONNAME" => settings with { ConnectionName = PlainText(name, value) },
            "MAXDISCOVERATTEMPTS" => settings with { DiscoverAttemptsMax = Number(name, value, 1, 1_000_000) },
            "DISCOVERYINTERVAL" => settings with { DiscoveryInterval = Milliseconds(name, value) },
            "GOSSIPTIMEOUT" => settings with { GossipTimeout = TimeSpan.FromSeconds(Number(name, value, 1, 3_600)) },
            "DEFAULTDEADLINE" => settings with { DefaultDeadline = Milliseconds(name, value) },
            _ => throw new FormatException($"there is no parameter {name}; there are {string.Join(", ", Known)}"),
        };

    private static bool Flag(string name, string value) => value.ToUpperInvariant() switch
    {
        "TRUE" => true,
        "FALSE" => false,
        _ => throw new FormatException($"{name} is true or false, not '{value}'"),
    };

    private static int Number(string name, string value, int min, int max) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        && number >= min && number <= max
            ? number
            : throw new FormatException($"{name} is a number from {min} to {max}, not '{value}'");

    private static TimeSpan Milliseconds(string name, string value) =>
        TimeSpan.FromMilliseconds(Number(name, value, 1, 86_400_000));

    private static TimeSpan KeepAlive(string name, string value) =>
        value == "-1" ? Timeout.InfiniteTimeSpan : Milliseconds(name, value);

    private static NodePreference Preference(string name, string value) => value.ToUpperInvariant() switch
    {
        "LEADER" => NodePreference.Leader,
        "FOLLOWER" => NodePreference.Follower,
        "READONLYREPLICA" => NodePreference.ReadOnlyReplica,
        "RANDOM" => NodePreference.Random,
        _ => throw new FormatException($"{name} is leader, follower, readOnlyReplica or random, not '{value}'"),
    };

    private static string ExistingFile(string name, string value) => File.Exists(value)
        ? Path.GetFullPath(value)
        : throw new FormatException($"{name}: there is no file {value}");

    /// <summary>It goes into a header.</summary>
    private static string PlainText(string name, string value) =>
        value.Length > 0 && value.All(c => c is >= ' ' and <= '~')
            ? value
            : throw new FormatException($"{name} holds printable ASCII characters only");
}
