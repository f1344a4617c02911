using System.Security.Cryptography;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Matrix.EventSourced.EventStore.Wire;

namespace Matrix.EventSourced.EventStore.Gateway;

/// <summary>Says what the gateway can do, so that clients use it.</summary>
internal sealed class ServerFeaturesService : ServerFeatures.ServerFeaturesBase
{
    /// <summary>The release of EventStoreDB whose protocol this is.</summary>
    private const string ProtocolVersion = "23.10.0";

    private const string StreamsName = "event_store.client.streams.streams";

    private static readonly SupportedMethods Methods = new()
    {
        EventStoreServerVersion = ProtocolVersion,
        Methods =
        {
            Method(StreamsName, "append"),
            Method(StreamsName, "batchappend", "deadline_duration"),
            Method(StreamsName, "delete"),
            Method(StreamsName, "read"),
            Method(StreamsName, "tombstone"),
            Method("event_store.client.gossip.gossip", "read"),
            Method("event_store.client.server_features.serverfeatures", "getsupportedmethods"),
        },
    };

    public override Task<SupportedMethods> GetSupportedMethods(Empty request, ServerCallContext context) =>
        Task.FromResult(Methods);

    private static SupportedMethod Method(string service, string method, params string[] features) =>
        new() { ServiceName = service, MethodName = method, Features = { features } };
}

/// <summary>A cluster of one: this node leads.</summary>
internal sealed class GossipService(TimeProvider time) : Gossip.GossipBase
{
    private readonly Guid _instanceId = new(RandomNumberGenerator.GetBytes(16));

    public override Task<ClusterInfo> Read(Empty request, ServerCallContext context)
    {
        var http = context.GetHttpContext();
        // A client reaches the node under the name by which it has reached it; behind NAT the node knows no other.
        var host = http.Request.Host;
        var now = time.GetUtcNow().UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks;
        return Task.FromResult(new ClusterInfo
        {
            Members =
            {
                new MemberInfo
                {
                    InstanceId = WireIds.Write(_instanceId, asText: true),
                    TimeStamp = now,
                    State = MemberInfo.Types.VNodeState.Leader,
                    IsAlive = true,
                    HttpEndPoint = new EndPoint
                    {
                        Address = host.HasValue ? host.Host : $"{http.Connection.LocalIpAddress}",
                        Port = (uint)(host.Port ?? http.Connection.LocalPort),
                    },
                },
            },
        });
    }
}
