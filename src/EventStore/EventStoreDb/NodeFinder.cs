using Grpc.Core;
using Matrix.EventSourced.EventStore.Wire;

namespace Matrix.EventSourced.EventStore.EventStoreDb;

/// <summary>Finds the node to talk to: the one host, or the best of the members that a host of a cluster tells
/// of.</summary>
internal sealed class NodeFinder(EventStoreDbOptions options, NodeChannels channels, TimeProvider time)
{
    private readonly ConnectionSettings _settings = options.Connection;
    private readonly Metadata _headers = Node.HeadersOf(options.Connection);
    private readonly Lock _lock = new();
    private IReadOnlyList<NodeAddress> _members = [];

    /// <summary>One attempt: every host is asked once.</summary>
    /// <param name="leader">Where a node said that the leader is; tried first.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <remarks>Errors: RpcException of the last host that was asked.</remarks>
    public async Task<Node> FindAsync(NodeAddress? leader, CancellationToken cancellationToken)
    {
        RpcException? problem = null;
        foreach (var address in Candidates(leader))
        {
            try
            {
                if (!_settings.Discovers)
                    return await OpenAsync(address, null, cancellationToken);
                var members = await ReadMembersAsync(address, cancellationToken);
                if (Choose(members) is { } member)
                    return await OpenAsync(AddressOf(member), member, cancellationToken);
                problem = new RpcException(new Grpc.Core.Status(
                    StatusCode.Unavailable,
                    $"{address} tells of no node that is alive and {_settings.Preference.ToString().ToLowerInvariant()}"));
            }
            catch (RpcException refused) when (!cancellationToken.IsCancellationRequested)
            {
                problem = refused;
                // The same user is refused everywhere.
                if (refused.StatusCode is StatusCode.Unauthenticated or StatusCode.PermissionDenied)
                    throw;
            }
        }
        throw problem ?? new RpcException(new Grpc.Core.Status(StatusCode.Cancelled, "stopped"));
    }

    /// <summary>The members that may be talked to, best first: alive, and of the preferred kind.</summary>
    internal MemberInfo? Choose(IReadOnlyList<MemberInfo> members)
    {
        var alive = members.Where(member => member.IsAlive && member.HttpEndPoint is not null).ToList();
        lock (_lock)
            _members = [.. alive.Select(AddressOf)];
        var wanted = alive.Where(member => IsWanted(member.State)).ToList();
        return wanted.Count == 0 ? null : wanted[Draw(wanted.Count)];
    }

    private bool IsWanted(MemberInfo.Types.VNodeState state) => _settings.Preference switch
    {
        NodePreference.Leader => state is MemberInfo.Types.VNodeState.Leader,
        NodePreference.Follower => state is MemberInfo.Types.VNodeState.Follower,
        NodePreference.ReadOnlyReplica => state is MemberInfo.Types.VNodeState.ReadOnlyReplica
            or MemberInfo.Types.VNodeState.ReadOnlyLeaderless,
        _ => state is MemberInfo.Types.VNodeState.Leader or MemberInfo.Types.VNodeState.Follower
            or MemberInfo.Types.VNodeState.ReadOnlyReplica,
    };

    /// <summary>The leader that was named, then the hosts in an order of chance, then whom they told of
    /// before.</summary>
    private List<NodeAddress> Candidates(NodeAddress? leader)
    {
        var hosts = _settings.Hosts.ToList();
        for (var i = hosts.Count - 1; i > 0; i--)
        {
            var other = Draw(i + 1);
            (hosts[i], hosts[other]) = (hosts[other], hosts[i]);
        }
        if (_settings.Discovers)
        {
            lock (_lock)
                hosts.AddRange(_members);
        }
        if (leader is { } named)
            hosts.Insert(0, named);
        return [.. hosts.Distinct()];
    }

    private async Task<Node> OpenAsync(
        NodeAddress address, MemberInfo? member, CancellationToken cancellationToken)
    {
        var channel = channels.To(address);
        var supported = await AskAsync(
            call => new ServerFeatures.ServerFeaturesClient(channel).GetSupportedMethodsAsync(new Empty(), call),
            cancellationToken);
        member ??= await FindMemberAsync(address, cancellationToken);
        await ProveAsync(channel, cancellationToken);
        var facts = NodeFacts.From(supported, member?.State.ToString());
        return new Node(address, channel, _headers, facts);
    }

    /// <summary>Anybody may ask who a node is. A read shows whether it takes this user, and whether it is the leader
    /// where one is needed.</summary>
    private async Task ProveAsync(ChannelBase channel, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(_settings.GossipTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        using var read = new Streams.StreamsClient(channel).Read(
            ReadRequests.OfAll(null, ReadDirection.Backwards, 1),
            new CallOptions(_headers, cancellationToken: either.Token));
        while (await read.ResponseStream.MoveNext(CancellationToken.None))
        {
            // What it says does not matter.
        }
    }

    /// <summary>What the node says of itself in its gossip; null when it does not gossip.</summary>
    private async Task<MemberInfo?> FindMemberAsync(NodeAddress address, CancellationToken cancellationToken)
    {
        try
        {
            var members = await ReadMembersAsync(address, cancellationToken);
            return members.Count == 1 ? members[0]
                : members.FirstOrDefault(m => m.HttpEndPoint is not null && AddressOf(m) == address);
        }
        catch (RpcException) when (!cancellationToken.IsCancellationRequested)
        {
            // It has answered already: only its role stays unknown.
            return null;
        }
    }

    private async Task<IReadOnlyList<MemberInfo>> ReadMembersAsync(
        NodeAddress address, CancellationToken cancellationToken)
    {
        var channel = channels.To(address);
        var cluster = await AskAsync(
            call => new Gossip.GossipClient(channel).ReadAsync(new Empty(), call), cancellationToken);
        return cluster is null ? [] : cluster.Members;
    }

    /// <summary>One question, within the time that a node may take; null when it does not know the question.</summary>
    private async Task<T?> AskAsync<T>(Func<CallOptions, AsyncUnaryCall<T>> ask, CancellationToken cancellationToken)
        where T : class
    {
        using var late = new CancellationTokenSource(_settings.GossipTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        try
        {
            using var call = ask(new CallOptions(_headers, cancellationToken: either.Token));
            return await call;
        }
        catch (RpcException unknown) when (unknown.StatusCode == StatusCode.Unimplemented)
        {
            return null;
        }
        catch (RpcException) when (late.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new RpcException(new Grpc.Core.Status(
                StatusCode.Unavailable, $"it did not answer within {_settings.GossipTimeout.TotalSeconds} s"));
        }
    }

    private int Draw(int below)
    {
        lock (_lock)
            return options.Random.Next(below);
    }

    private static NodeAddress AddressOf(MemberInfo member) =>
        new(member.HttpEndPoint.Address, (int)member.HttpEndPoint.Port);
}
