using System.Runtime.CompilerServices;
using Matrix.EventSourced.EventStore.EventStoreDb;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.EventSourced.EventStore.Tests.EventStoreDb;

/// <summary>A test that needs a node of EventStoreDB: without <c>EVENTSTOREDB_TEST_URL</c> it counts as skipped.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RealNodeFactAttribute : FactAttribute
{
    public RealNodeFactAttribute()
    {
        if (RealNode.Url is null)
            Skip = $"{RealNode.Variable} names no node of EventStoreDB";
    }
}

/// <summary>The node that <c>EVENTSTOREDB_TEST_URL</c> names. Its log is not empty and stays, so each test has streams of
/// its own.</summary>
internal static class RealNode
{
    public const string Variable = "EVENTSTOREDB_TEST_URL";

    public static string? Url { get; } = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } url ? url : null;

    public static Task<EventStoreDbEventStore> ConnectAsync() => EventStoreDbEventStore.ConnectAsync(
        new EventStoreDbOptions { Connection = ConnectionString.Parse(Url!), Random = new Random(7) },
        TimeProvider.System,
        NullLogger.Instance);

    /// <summary>A stream that no other run has: named after the test and the moment.</summary>
    public static StreamName Stream([CallerMemberName] string test = "") =>
        new("test", $"{test}-{TimeProvider.System.GetUtcNow().Ticks}");

    public static NewRecord Record(byte[]? data = null) => new(
        new Guid(System.Security.Cryptography.RandomNumberGenerator.GetBytes(16)), "test.happened.v1",
        data ?? "{}"u8.ToArray(), "{\"m\":1}"u8.ToArray());
}
