using Matrix.EventSourced.EventStore.EventStoreDb;

namespace Matrix.EventSourced.EventStore.Tests.EventStoreDb;

public sealed class Connection_strings
{
    [Fact]
    public void one_node_has_the_defaults()
    {
        var settings = ConnectionString.Parse("esdb://log.example.org");

        Assert.Equal([new NodeAddress("log.example.org", 2113)], settings.Hosts);
        Assert.True(settings is { Discovers: false, UsesTls: true, VerifiesCertificate: true, CaFile: null, User: null });
        Assert.True(settings is { Preference: NodePreference.Leader, DiscoverAttemptsMax: 10, ConnectionName: null });
        Assert.Equal(TimeSpan.FromSeconds(10), settings.KeepAliveInterval);
        Assert.Equal(TimeSpan.FromSeconds(10), settings.KeepAliveTimeout);
        Assert.Equal(TimeSpan.FromMilliseconds(100), settings.DiscoveryInterval);
        Assert.Equal(TimeSpan.FromSeconds(5), settings.GossipTimeout);
        Assert.Equal(TimeSpan.FromSeconds(10), settings.DefaultDeadline);
    }

    [Fact]
    public void everything_can_be_said()
    {
        var file = Path.GetTempFileName();
        var settings = ConnectionString.Parse(
            "esdb+discover://admin:ch%40nge:it@a.example:2114,[::1],10.0.0.1:1?TLS=true&tlsVerifyCert=false"
            + $"&tlsCAFile={Uri.EscapeDataString(file)}&keepAliveInterval=-1&keepAliveTimeout=1500&nodePreference=follower"
            + "&connectionName=the%20server&maxDiscoverAttempts=3&discoveryInterval=50&gossipTimeout=2&defaultDeadline=750");

        Assert.Equal([new("a.example", 2114), new("::1", 2113), new("10.0.0.1", 1)], settings.Hosts);
        Assert.True(settings is { Discovers: true, UsesTls: true, VerifiesCertificate: false });
        Assert.Equal((file, "admin", "ch@nge:it"), (settings.CaFile, settings.User, settings.Password));
        Assert.Equal(Timeout.InfiniteTimeSpan, settings.KeepAliveInterval);
        Assert.Equal(TimeSpan.FromMilliseconds(1500), settings.KeepAliveTimeout);
        Assert.Equal((NodePreference.Follower, "the server", 3),
            (settings.Preference, settings.ConnectionName, settings.DiscoverAttemptsMax));
        Assert.Equal((50, 2000, 750), (
            settings.DiscoveryInterval.TotalMilliseconds,
            settings.GossipTimeout.TotalMilliseconds,
            settings.DefaultDeadline.TotalMilliseconds));
        File.Delete(file);
    }

    [Fact]
    public void several_hosts_are_a_cluster() => Assert.True(ConnectionString.Parse("esdb://a,b:1").Discovers);

    [Fact]
    public void password_is_never_printed()
    {
        var settings = ConnectionString.Parse("esdb://admin:changeit@a:1,b?tls=false");

        Assert.Equal("esdb+discover://a:1,b:2113?tls=false", settings.ToString());
    }

    [Theory]
    [InlineData("http://host:2113", "a connection string begins with esdb:// or esdb+discover://")]
    [InlineData("esdb://", "a host is missing")]
    [InlineData("esdb://a,,b", "a host is missing")]
    [InlineData("esdb://host:0", "'host:0' is no host: host or host:port is one")]
    [InlineData("esdb://host:65536", "'host:65536' is no host")]
    [InlineData("esdb://ho st", "'ho st' is no host")]
    [InlineData("esdb://[::1", "'[::1' is no host")]
    [InlineData("esdb://admin@host", "what stands before @ is not user:password")]
    [InlineData("esdb://host?tls", "'tls' is no parameter: name=value is one")]
    [InlineData("esdb://host?tls=yes", "tls is true or false, not 'yes'")]
    [InlineData("esdb://host?tls=true&TLS=true", "TLS stands there twice")]
    [InlineData("esdb://host?colour=red", "there is no parameter colour; there are tls, tlsVerifyCert")]
    [InlineData("esdb://host?keepAliveInterval=soon", "keepAliveInterval is a number from 1 to 86400000, not 'soon'")]
    [InlineData("esdb://host?nodePreference=best", "nodePreference is leader, follower, readOnlyReplica or random")]
    [InlineData("esdb://host?maxDiscoverAttempts=0", "maxDiscoverAttempts is a number from 1")]
    [InlineData("esdb://host?tlsCAFile=/no/such/file", "tlsCAFile: there is no file /no/such/file")]
    [InlineData("esdb://host?connectionName=%0a", "connectionName holds printable ASCII characters only")]
    public void refuses_and_says_why(string text, string problem)
    {
        Assert.Null(ConnectionString.TryParse(text, out var said));

        Assert.StartsWith(problem, said, StringComparison.Ordinal);
    }

    [Fact]
    public void authorities_without_tls_are_refused()
    {
        Assert.Null(ConnectionString.TryParse($"esdb://host?tls=false&tlsCAFile={Environment.ProcessPath}", out var said));

        Assert.Equal("tlsCAFile has no meaning with tls=false", said);
    }
}
