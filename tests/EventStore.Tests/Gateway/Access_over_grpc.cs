using System.Net;
using System.Text;
using Grpc.Core;
using Matrix.EventSourced.EventStore.Gateway;
using Matrix.EventSourced.EventStore.Wire;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.EventSourced.EventStore.Tests.Gateway;

public sealed class Access_over_grpc : GatewayFixture
{
    private protected override GatewayCredentials Credentials => new("admin", "chänge:it");

    [Theory]
    [InlineData("admin:chänge:it", true)]
    [InlineData("admin:chänge:i", false)]
    [InlineData("Admin:chänge:it", false)]
    [InlineData("admin", false)]
    [InlineData("", false)]
    public async Task only_the_user_with_the_password_is_let_in(string credentials, bool isLetIn)
    {
        var header = "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(credentials));
        await AssertLetInAsync(header, isLetIn);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("Basic")]
    [InlineData("Basic !!!")]
    [InlineData("Bearer YWRtaW46Y2jDpG5nZTppdA==")]
    public async Task who_says_nothing_or_nonsense_is_not(string? header) => await AssertLetInAsync(header, isLetIn: false);

    [Fact]
    public async Task node_says_what_it_is_to_everybody()
    {
        var features = await new ServerFeatures.ServerFeaturesClient(Channel()).GetSupportedMethodsAsync(new Empty(), Bounded());
        var cluster = await new Gossip.GossipClient(Channel()).ReadAsync(new Empty(), Bounded());

        Assert.Equal("23.10.0", features.EventStoreServerVersion);
        Assert.Contains(
            features.Methods,
            method => method is { ServiceName: "event_store.client.streams.streams", MethodName: "batchappend" }
                && method.Features.Contains("deadline_duration"));
        var member = Assert.Single(cluster.Members);
        Assert.Equal((MemberInfo.Types.VNodeState.Leader, true), (member.State, member.IsAlive));
        Assert.Equal(Gateway.Addresses[0], $"http://{member.HttpEndPoint.Address}:{member.HttpEndPoint.Port}");
    }

    [Fact]
    public async Task leader_is_here_for_who_requires_it()
    {
        using var call = Client.Read(AllRequest(), Bounded(
            ("authorization", "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("admin:chänge:it"))),
            ("requires-leader", "true"),
            ("connection-name", "test")));

        Assert.False(await call.ResponseStream.MoveNext(CancellationToken.None));
    }

    [Fact]
    public async Task method_that_is_not_served_is_unimplemented()
    {
        var method = new Method<byte[], byte[]>(
            MethodType.Unary,
            "event_store.client.users.Users",
            "Create",
            Marshallers.Create(bytes => bytes, bytes => bytes),
            Marshallers.Create(bytes => bytes, bytes => bytes));
        var header = "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("admin:chänge:it"));

        var problem = await Assert.ThrowsAsync<RpcException>(async () => await Channel().CreateCallInvoker()
            .AsyncUnaryCall(method, null, Bounded(("authorization", header)), []));

        Assert.Equal(StatusCode.Unimplemented, problem.StatusCode);
    }

    [Fact]
    public async Task address_in_use_is_said_so()
    {
        var taken = new Uri(Gateway.Addresses[0]).Port;

        await Assert.ThrowsAsync<IOException>(() => LogGateway.StartAsync(
            Log,
            new GatewayOptions([new GatewayListener(IPAddress.Loopback, taken)]),
            Engine.Time,
            NullLoggerFactory.Instance));
    }

    private async Task AssertLetInAsync(string? header, bool isLetIn)
    {
        var options = header is null ? Bounded() : Bounded(("authorization", header));
        using var call = Client.Read(AllRequest(), options);
        if (isLetIn)
        {
            Assert.False(await call.ResponseStream.MoveNext(CancellationToken.None));
            return;
        }
        var problem = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(CancellationToken.None));
        Assert.Equal(StatusCode.Unauthenticated, problem.StatusCode);
        using var append = Client.Append(options);
        Assert.Equal(
            StatusCode.Unauthenticated,
            (await Assert.ThrowsAsync<RpcException>(async () => await append.ResponseAsync)).StatusCode);
    }
}
