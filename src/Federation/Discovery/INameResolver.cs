using System.Net;

namespace Matrix.EventSourced.Federation.Discovery;

/// <summary>Names to addresses; tests give their own.</summary>
public interface INameResolver
{
    /// <summary>The addresses of a host, as the machine itself would find them: its hosts file, then DNS. Empty for
    /// none.</summary>
    ValueTask<IReadOnlyList<IPAddress>> AddressesAsync(string host, CancellationToken cancellationToken);

    /// <summary>The SRV records of a name, in no order. Empty for none, or when DNS does not answer.</summary>
    ValueTask<ServiceRecords> ServicesAsync(string name, CancellationToken cancellationToken);
}

/// <summary>What DNS says of a service.</summary>
/// <remarks>Shape: Lifetime, for how long it counts.</remarks>
public sealed record ServiceRecords(IReadOnlyList<ServiceRecord> Records, TimeSpan Lifetime)
{
    /// <summary>LIMIT: how long "no such record" counts, and the shortest and longest that anything does. Ours.
    /// </summary>
    public static readonly TimeSpan LifetimeMin = TimeSpan.FromMinutes(1);

    public static readonly TimeSpan LifetimeMax = TimeSpan.FromHours(24);

    public static readonly ServiceRecords None = new([], TimeSpan.FromMinutes(5));
}

/// <summary>One SRV record. Shape: Target without the last dot; empty where the record says that there is no such
/// service (RFC 2782).</summary>
public sealed record ServiceRecord(int Priority, int Weight, int Port, string Target);
