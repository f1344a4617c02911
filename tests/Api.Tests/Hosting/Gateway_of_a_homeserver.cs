using System.Net;
using System.Net.Http.Headers;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Hosting;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Hosting;

/// <summary>The log over gRPC beside the homeserver's own listeners.</summary>
public sealed class Gateway_of_a_homeserver
{
    [Fact]
    public async Task is_off_by_default()
    {
        await using var server = await TestHomeserver.StartAsync();

        Assert.Empty(server.Running.GatewayAddresses);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task answers_on_its_own_listener_and_on_no_other(bool isTls)
    {
        await using var server = await TestHomeserver.StartAsync(new()
        {
            Configure = config => config with { Gateway = On(isTls) },
        });

        var address = Assert.Single(server.Running.GatewayAddresses);
        Assert.StartsWith(isTls ? "https://127.0.0.1:" : "http://127.0.0.1:", address, StringComparison.Ordinal);
        Assert.Equal("0", await CallAsync(address));
        Assert.Equal(404, (await server.SendAsync("POST", "/event_store.client.gossip.Gossip/Read")).Status);
        await server.StopAsync();
        await Assert.ThrowsAsync<HttpRequestException>(() => CallAsync(address));
    }

    [Fact]
    public async Task is_refused_for_a_log_of_another_engine()
    {
        var exception = await Assert.ThrowsAsync<StartException>(() => TestHomeserver.StartAsync(new()
        {
            IsLogInMemory = true,
            Configure = config => config with { Gateway = On(isTls: false) },
        }));

        Assert.Contains("only a log that the embedded engine keeps", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task address_in_use_is_said_in_one_line()
    {
        await using var server = await TestHomeserver.StartAsync();
        var taken = new ListenAddress(false, IPAddress.Loopback, server.Address.Port);

        var exception = await Assert.ThrowsAsync<StartException>(() => TestHomeserver.StartAsync(new()
        {
            Configure = config => config with { Gateway = new() { Listener = new() { Listen = [taken] } } },
        }));

        Assert.Contains("address already in use", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task log_alone_refuses_a_folder_that_is_in_use()
    {
        await using var server = await TestHomeserver.StartAsync();
        var config = new HomeserverConfig { DataFolder = server.DataFolder, Gateway = On(isTls: false) };

        var exception = await Assert.ThrowsAsync<StartException>(
            () => LogServer.StartAsync(config, TimeProvider.System, CancellationToken.None));

        Assert.Contains("open in another process", exception.Message, StringComparison.Ordinal);
    }

    private static GatewayConfig On(bool isTls) =>
        new() { Listener = new() { Listen = [new(isTls, IPAddress.Loopback, 0)] } };

    /// <summary>Calls a method without arguments; the status of the answer.</summary>
    private static async Task<string> CallAsync(string address)
    {
        using var handler = new HttpClientHandler { ServerCertificateCustomValidationCallback = (_, _, _, _) => true };
        using var client = new HttpClient(handler);
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{address}/event_store.client.gossip.Gossip/Read")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(new byte[5]),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        using var response = await client.SendAsync(request);
        await response.Content.ReadAsByteArrayAsync();
        return Assert.Single(response.TrailingHeaders.GetValues("grpc-status"));
    }
}
