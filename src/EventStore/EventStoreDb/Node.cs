using System.Text;
using Grpc.Core;
using Matrix.EventSourced.EventStore.Wire;

namespace Matrix.EventSourced.EventStore.EventStoreDb;

/// <summary>One node, as it was when the connection to it was made.</summary>
internal sealed class Node(NodeAddress address, ChannelBase channel, Metadata headers, NodeFacts facts)
{
    public NodeAddress Address => address;

    public NodeFacts Facts => facts;

    public Streams.StreamsClient Streams { get; } = new(channel);

    public CallOptions Options(CancellationToken cancellationToken) =>
        new(headers, cancellationToken: cancellationToken);

    /// <summary>What every call carries.</summary>
    public static Metadata HeadersOf(ConnectionSettings settings)
    {
        var headers = new Metadata();
        if (settings.Preference == NodePreference.Leader)
            headers.Add("requires-leader", "true");
        if (settings.ConnectionName is { } name)
            headers.Add("connection-name", name);
        if (settings.User is { } user)
        {
            var credentials = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{settings.Password}"));
            headers.Add("authorization", $"Basic {credentials}");
        }
        return headers;
    }
}

/// <summary>What a node says of itself. Shape: Version and Role are null when it does not say.</summary>
internal sealed record NodeFacts(string? Version, string? Role, bool HasBatchAppend, bool HasRelativeDeadline)
{
    public static NodeFacts From(SupportedMethods? supported, string? role)
    {
        // A node that cannot say what it serves is older than the batches.
        var batch = supported?.Methods.FirstOrDefault(method =>
            method.MethodName == "batchappend" && method.ServiceName.EndsWith("streams", StringComparison.Ordinal));
        return new NodeFacts(
            supported?.EventStoreServerVersion,
            role,
            batch is not null,
            batch?.Features.Contains("deadline_duration") == true);
    }
}
