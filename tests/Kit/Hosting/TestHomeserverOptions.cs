using Matrix.EventSourced.Api.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Kit.Hosting;

/// <summary>
/// How a test's homeserver differs from the usual: named hs, open registration, no rate limits, cheap passwords.
/// </summary>
public sealed record TestHomeserverOptions
{
    public string ServerName { get; init; } = "hs";

    /// <summary>The clock; the real one when null.</summary>
    public TimeProvider? Time { get; init; }

    /// <summary>
    /// The log is in memory and outlives restarts; else it is the embedded one, in the test's folder.
    /// </summary>
    public bool IsLogInMemory { get; init; }

    public Func<HomeserverConfig, HomeserverConfig>? Configure { get; init; }

    /// <summary>Runs after all components were registered.</summary>
    public Action<IServiceCollection>? Services { get; init; }

    /// <summary>Gets every line that the server logs; nowhere when null.</summary>
    public ILoggerFactory? Logging { get; init; }
}
