using Matrix.EventSourced.Api.Hosting;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.EventStore.EventStoreDb;

namespace Matrix.EventSourced.Api;

public static partial class Composition
{
    /// <summary>What is wrong with the address of a log; null when nothing is.</summary>
    internal static string? ProblemOfLogAddress(string address) =>
        ConnectionString.TryParse(address, out var problem) is null ? problem : null;

    /// <summary>Connects to the log of an <c>esdb://</c> address; waits for a node that is not up yet, and says
    /// so.</summary>
    private static async Task<IEventStore> ConnectLogAsync(
        string address,
        HomeserverParts parts,
        TimeProvider time,
        ILoggerFactory logging,
        List<IAsyncDisposable> owned,
        CancellationToken cancellationToken)
    {
        var settings = ConnectionString.Parse(address);
        parts.Progress?.Invoke($"connecting to the log: {settings}");
        try
        {
            var options = new EventStoreDbOptions
            {
                Connection = settings with { ConnectionName = settings.ConnectionName ?? "matrix" },
                Random = Seeded(parts.Random ?? new SystemRandom()),
            };
            var log = await EventStoreDbEventStore.ConnectAsync(
                options, time, logging.CreateLogger<EventStoreDbEventStore>(), parts.Progress, cancellationToken);
            owned.Add(log);
            var status = log.Status;
            parts.Progress?.Invoke(
                $"the log is EventStoreDB at {status.Node}, version {status.Version ?? "unknown"}, "
                + $"role {status.Role ?? "unknown"}");
            return log;
        }
        catch (EventStoreException problem)
        {
            throw new StartException($"{settings}: {problem.Message}");
        }
    }

    private static Random Seeded(IRandom random)
    {
        Span<byte> seed = stackalloc byte[4];
        random.Fill(seed);
        return new Random(BitConverter.ToInt32(seed));
    }
}
