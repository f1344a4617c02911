using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Npgsql;

namespace Matrix.EventSourced.Api.Hosting;

/// <summary>
/// What a test or another program gives a homeserver in place of the real thing; null members are made from the
/// configuration.
/// </summary>
/// <remarks>Ensures: what is given is not disposed with the server.</remarks>
public sealed record HomeserverParts
{
    public TimeProvider? Time { get; init; }

    public IRandom? Random { get; init; }

    public IEventStore? EventStore { get; init; }

    public NpgsqlDataSource? Database { get; init; }

    public ILoggerFactory? Logging { get; init; }

    /// <summary>Where progress is told to people while the server starts.</summary>
    public Action<string>? Progress { get; init; }

    /// <summary>Runs after all components were registered.</summary>
    public Action<IServiceCollection>? Services { get; init; }
}
