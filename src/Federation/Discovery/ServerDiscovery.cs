using System.Collections.Immutable;
using System.Net;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Protocol.Identifiers;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Federation.Discovery;

/// <summary>From a server's name to where it is.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #resolving-server-names.
/// <code>
///   1  IP literal                     that address, its port or 8448
///   2  host with a port               that host and port
///   3  /.well-known/matrix/server     delegates to d:
///      3.1 d is an IP literal         as 1, of d
///      3.2 d has a port               as 2, of d
///      3.3 SRV _matrix-fed._tcp.d     its targets
///      3.4 SRV _matrix._tcp.d         its targets (deprecated)
///      3.5                            d, port 8448
///   4  SRV _matrix-fed._tcp           its targets
///   5  SRV _matrix._tcp               its targets (deprecated)
///   6                                 the host, port 8448
/// </code>
/// The Host header and the certificate are always those of the (delegated) name, never of an SRV target.
/// Answers are kept: a delegation for as long as its headers say (24 h without, 48 h at most), a failure for up to an
/// hour, SRV records for their time to live. Addresses are not kept here: each new connection resolves anew.
/// </remarks>
public sealed partial class ServerDiscovery(
    INameResolver resolver,
    IWellKnownReader wellKnown,
    TimeProvider time,
    IRandom random,
    ILogger<ServerDiscovery> logger)
{
    public const int DefaultPort = 8448;

    private readonly DiscoveryCache<WellKnownEntry> _hostToWellKnown = new();
    private readonly DiscoveryCache<ServiceEntry> _nameToServices = new();

    public async ValueTask<DiscoveryResult> FindAsync(ServerName server, CancellationToken cancellationToken)
    {
        if (Direct(server) is { } direct)
            return Found(server.Value, direct);
        var delegated = await DelegatedAsync(server.Value, cancellationToken);
        if (delegated is not { } name)
            return await ByServicesAsync(server.Value, cancellationToken);
        if (Direct(name) is { } place)
            return Found(name.Value, place);
        return await ByServicesAsync(name.Value, cancellationToken);
    }

    /// <summary>Steps 1 and 2: the name itself says where.</summary>
    private static Place? Direct(ServerName name)
    {
        var host = name.Host.ToString();
        return name.Port is { } port ? new Place(host, port)
            : IsIpLiteral(host) ? new Place(host, DefaultPort) : null;
    }

    internal static bool IsIpLiteral(string host) =>
        host.StartsWith('[') || (IPAddress.TryParse(host, out _) && !host.Contains(':', StringComparison.Ordinal));

    private async ValueTask<DiscoveryResult> ByServicesAsync(string host, CancellationToken cancellationToken)
    {
        foreach (var prefix in (ImmutableArray<string>)["_matrix-fed._tcp.", "_matrix._tcp."])
        {
            var records = await ServicesAsync(prefix + host, cancellationToken);
            if (records.Count == 0)
                continue;
            var places = ServiceOrder.Of(records, random)
                .Where(record => record.Target.Length > 0)
                .Select(record => new Place(record.Target, record.Port))
                .ToImmutableArray();
            return places.IsEmpty
                ? new DiscoveryResult.NoService($"{prefix}{host} says that there is no such service")
                : new DiscoveryResult.Found(new ServerTarget(host, places));
        }
        return Found(host, new Place(host, DefaultPort));
    }

    private static DiscoveryResult.Found Found(string host, Place place) => new(new ServerTarget(host, [place]));

    private async ValueTask<IReadOnlyList<ServiceRecord>> ServicesAsync(
        string name, CancellationToken cancellationToken)
    {
        var entry = await _nameToServices.FindOrMakeAsync(
            name,
            entry => entry.Until > time.GetUtcNow(),
            async _ =>
            {
                // Whoever asked first may go away; the others still wait for it. It ends by the resolver's own limits.
                var found = await resolver.ServicesAsync(name, CancellationToken.None);
                return new ServiceEntry(found.Records, time.GetUtcNow() + found.Lifetime);
            },
            cancellationToken);
        return entry.Records;
    }

    private async ValueTask<ServerName?> DelegatedAsync(string host, CancellationToken cancellationToken)
    {
        var entry = await _hostToWellKnown.FindOrMakeAsync(
            host,
            entry => entry.Until > time.GetUtcNow(),
            async stale => Next(host, await wellKnown.ReadAsync(host, CancellationToken.None), stale),
            cancellationToken);
        return entry.Server;
    }

    private WellKnownEntry Next(string host, WellKnown answer, WellKnownEntry? stale)
    {
        var now = time.GetUtcNow();
        if (answer.Server is { } server)
        {
            var lifetime = answer.Lifetime ?? DiscoveryLimits.WellKnownDefault;
            if (lifetime > DiscoveryLimits.WellKnownMax)
                lifetime = DiscoveryLimits.WellKnownMax;
            if (lifetime < DiscoveryLimits.WellKnownMin)
                lifetime = DiscoveryLimits.WellKnownMin;
            return new WellKnownEntry(server, now + lifetime, now, 0);
        }
        var failures = (stale?.Failures ?? 0) + 1;
        var wait = DiscoveryLimits.ErrorFirst * Math.Pow(2, Math.Min(failures - 1, 10));
        if (wait > DiscoveryLimits.ErrorMax)
            wait = DiscoveryLimits.ErrorMax;
        // A delegation that was there two days ago outlives a web server that is down for a moment.
        var kept = stale is { Server: not null } && now - stale.ReadAt < DiscoveryLimits.WellKnownMax ? stale : null;
        LogNoDelegation(logger, host, answer.Problem ?? "none", wait);
        return new WellKnownEntry(kept?.Server, now + wait, kept?.ReadAt ?? now, failures);
    }

    [LoggerMessage(Level = LogLevel.Debug, Message =
        "{host} delegates to nobody ({problem}); it is asked again in {wait}.")]
    private static partial void LogNoDelegation(ILogger logger, string host, string problem, TimeSpan wait);

    private sealed record WellKnownEntry(
        ServerName? Server, DateTimeOffset Until, DateTimeOffset ReadAt, int Failures);

    private sealed record ServiceEntry(IReadOnlyList<ServiceRecord> Records, DateTimeOffset Until);
}

/// <summary>Bounds of discovery, each with its source.</summary>
public static class DiscoveryLimits
{
    /// <summary>LIMIT: how long a delegation counts without cache headers. Spec: server-server-api
    /// #resolving-server-names.</summary>
    public static readonly TimeSpan WellKnownDefault = TimeSpan.FromHours(24);

    /// <summary>LIMIT: how long it counts at most. Source: the same.</summary>
    public static readonly TimeSpan WellKnownMax = TimeSpan.FromHours(48);

    /// <summary>LIMIT: how long it counts at least. Ours: no header makes us ask for every request.</summary>
    public static readonly TimeSpan WellKnownMin = TimeSpan.FromMinutes(5);

    /// <summary>LIMIT: how long the first failure counts; it doubles. Ours: a server that is being set up.</summary>
    public static readonly TimeSpan ErrorFirst = TimeSpan.FromMinutes(2);

    /// <summary>LIMIT: how long a failure counts at most. Source: the same.</summary>
    public static readonly TimeSpan ErrorMax = TimeSpan.FromHours(1);

    /// <summary>LIMIT: bytes of a delegation. Ours: it is one name.</summary>
    public const int WellKnownBytesMax = 50 * 1024;

    /// <summary>LIMIT: redirects followed. Ours; the spec says to avoid loops.</summary>
    public const int RedirectsMax = 10;

    /// <summary>LIMIT: the time for all of it. Ours.</summary>
    public static readonly TimeSpan WellKnownTimeout = TimeSpan.FromSeconds(10);

    /// <summary>LIMIT: entries of each cache. Ours: a few hundred bytes each.</summary>
    public const int CacheEntriesMax = 16_384;
}
