using System.Net;
using System.Net.Sockets;
using DnsClient;
using DnsClient.Protocol;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Federation.Discovery;

/// <summary>The machine's own resolver for addresses, and DNS for SRV records.</summary>
/// <remarks>The C library has no call for SRV records, and a DNS library does not read the hosts file: hence two.
/// </remarks>
public sealed partial class SystemNameResolver(ILogger<SystemNameResolver> logger) : INameResolver
{
    // LIMIT: how long one DNS server is waited for. Ours: without an answer we go on to port 8448.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private readonly Lazy<LookupClient?> _dns = new(static () => MakeClient());

    public async ValueTask<IReadOnlyList<IPAddress>> AddressesAsync(string host, CancellationToken cancellationToken)
    {
        if (IPAddress.TryParse(host, out var literal))
            return [literal];
        try
        {
            return await Dns.GetHostAddressesAsync(host, cancellationToken);
        }
        catch (Exception problem) when (problem is SocketException or ArgumentException)
        {
            LogUnresolved(logger, host, problem.Message);
            return [];
        }
    }

    public async ValueTask<ServiceRecords> ServicesAsync(string name, CancellationToken cancellationToken)
    {
        if (_dns.Value is not { } dns)
            return ServiceRecords.None;
        try
        {
            var answer = await dns.QueryAsync(name, QueryType.SRV, QueryClass.IN, cancellationToken);
            var records = answer.Answers.OfType<SrvRecord>().ToList();
            if (answer.HasError || records.Count == 0)
                return ServiceRecords.None;
            var lifetime = TimeSpan.FromSeconds(records.Min(record => record.TimeToLive));
            return new ServiceRecords(
                [.. records.Select(Read)],
                lifetime < ServiceRecords.LifetimeMin ? ServiceRecords.LifetimeMin
                    : lifetime > ServiceRecords.LifetimeMax ? ServiceRecords.LifetimeMax : lifetime);
        }
        catch (Exception problem) when (problem is DnsResponseException or DnsXidMismatchException
            or SocketException or ArgumentException or InvalidOperationException)
        {
            LogUnresolved(logger, name, problem.Message);
            return ServiceRecords.None with { Lifetime = ServiceRecords.LifetimeMin };
        }
    }

    private static ServiceRecord Read(SrvRecord record) =>
        new(record.Priority, record.Weight, record.Port, record.Target.Value.TrimEnd('.'));

    /// <summary>Null where the machine names no DNS server: there are no SRV records then.</summary>
    private static LookupClient? MakeClient()
    {
        try
        {
            var options = new LookupClientOptions
            {
                Timeout = Patience,
                Retries = 1,
                // Discovery keeps what it found itself.
                UseCache = false,
                ThrowDnsErrors = false,
            };
            return options.NameServers.Count == 0 && NameServer.ResolveNameServers().Count == 0
                ? null
                : new LookupClient(options);
        }
        catch (Exception problem) when (problem is InvalidOperationException or IOException or SocketException)
        {
            return null;
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "{name} does not resolve: {problem}")]
    private static partial void LogUnresolved(ILogger logger, string name, string problem);
}
