using System.Diagnostics;
using System.Text.Json;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Hosting;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Protocol.Signing;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.EventSourced.Api.Tests.Hosting;

public sealed class HomeserverTests
{
    [Fact]
    public async Task serves_what_needs_no_account()
    {
        await using var server = await TestHomeserver.StartAsync();
        var versions = (await server.SendAsync("GET", "/_matrix/client/versions")).Ok();
        Assert.Contains("v1.19", versions.ToString(), StringComparison.Ordinal);
        // Element Web asks for these flags and not for the version: it said that this server has no cross-signing.
        Assert.True(versions.GetProperty("unstable_features").GetProperty("org.matrix.e2e_cross_signing").GetBoolean());
        Assert.True(versions.GetProperty("unstable_features").GetProperty("org.matrix.msc3827.stable").GetBoolean());
        var health = (await server.SendAsync("GET", "/health")).Ok();
        Assert.True(health.GetProperty("ok").GetBoolean());
        Assert.True(health.GetProperty("projections").GetProperty("userapi").GetProperty("ok").GetBoolean());
        var client = (await server.SendAsync("GET", "/.well-known/matrix/client")).Ok();
        Assert.Equal("http://hs", client.GetProperty("m.homeserver").Text("base_url"));
        Assert.Equal("hs:8448", (await server.SendAsync("GET", "/.well-known/matrix/server")).Ok().Text("m.server"));
        Assert.Contains("Matrix homeserver", (await server.SendAsync("GET", "/")).Text, StringComparison.Ordinal);
        (await server.SendAsync("GET", "capabilities")).Refused(401, "M_MISSING_TOKEN");
    }

    [Fact]
    public async Task tells_clients_where_calls_of_many_are_held()
    {
        await using (var without = await TestHomeserver.StartAsync())
        {
            var alice = await without.RegisterAsync("alice");
            var none = (await alice.GetAsync("/_matrix/client/v1/rtc/transports")).Ok();
            Assert.Empty(none.GetProperty("rtc_transports").EnumerateArray());
            var client = (await without.SendAsync("GET", "/.well-known/matrix/client")).Ok();
            Assert.False(client.TryGetProperty("org.matrix.msc4143.rtc_foci", out _));
        }
        const string Url = "https://calls.example.org/livekit/jwt";
        await using var server = await TestHomeserver.StartAsync(new()
        {
            Configure = config => config with { Voip = config.Voip with { LiveKitUrls = [Url] } },
        });
        var bob = await server.RegisterAsync("bob");
        var transports = (await bob.GetAsync("/_matrix/client/unstable/org.matrix.msc4143/rtc/transports")).Ok()
            .GetProperty("rtc_transports");
        var foci = (await server.SendAsync("GET", "/.well-known/matrix/client")).Ok().GetProperty("org.matrix.msc4143.rtc_foci");
        foreach (var list in (JsonElement[])[transports, foci])
        {
            Assert.Equal("livekit", Assert.Single(list.EnumerateArray()).Text("type"));
            Assert.Equal(Url, list[0].Text("livekit_service_url"));
        }
    }

    [Fact]
    public async Task tells_room_versions_to_users()
    {
        await using var server = await TestHomeserver.StartAsync();
        var alice = await server.RegisterAsync("alice");
        var versions = (await alice.GetAsync("capabilities")).Ok()
            .GetProperty("capabilities").GetProperty("m.room_versions");
        Assert.Equal("12", versions.Text("default"));
        Assert.Equal("stable", versions.GetProperty("available").Text("1"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task remembers_everything_across_restarts_and_without_its_database(bool isLogInMemory)
    {
        await using var server = await TestHomeserver.StartAsync(new() { IsLogInMemory = isLogInMemory });
        var alice = await server.RegisterAsync("alice");
        await server.RestartAsync();
        Assert.Equal("@alice:hs", (await alice.GetAsync("account/whoami")).Ok().Text("user_id"));
        await server.RestartWithoutDatabaseAsync();
        Assert.Equal("@alice:hs", (await alice.GetAsync("account/whoami")).Ok().Text("user_id"));
    }

    [Fact]
    public async Task serves_federation_over_tls_with_a_certificate_of_its_own()
    {
        await using var server = await TestHomeserver.StartAsync(new()
        {
            Configure = config => config with
            {
                Federation = config.Federation with
                {
                    Listener = new() { Listen = [new(IsTls: true, System.Net.IPAddress.Loopback, 0)] },
                },
            },
        });
        using var handler = new HttpClientHandler
        {
            ServerCertificateCustomValidationCallback = (_, certificate, _, _) => certificate!.MatchesHostname("hs"),
        };
        using var client = new HttpClient(handler) { BaseAddress = new Uri(server.Running.FederationAddresses[0]) };
        var version = await client.GetStringAsync(new Uri("/_matrix/federation/v1/version", UriKind.Relative));
        Assert.Contains("Matrix.EventSourced", version, StringComparison.Ordinal);
        var keys = await ReadKeysAsync(client);
        Assert.Equal("hs", keys.Text("server_name"));
        var identity = server.Services.GetRequiredService<ServerIdentity>();
        var publicKey = Convert.FromBase64String(identity.Key.PublicKeyBase64.PadRight(44, '='));
        Assert.Equal(
            identity.Key.PublicKeyBase64,
            keys.GetProperty("verify_keys").GetProperty(identity.Key.KeyId.Value).Text("key"));
        Assert.True(JsonSigning.Verify(keys, identity.Name, identity.Key.KeyId, publicKey));
        using var unknown = await client.GetAsync(new Uri("/_matrix/client/versions", UriKind.Relative));
        Assert.Equal(404, (int)unknown.StatusCode);
        Assert.False(unknown.Headers.Contains("Access-Control-Allow-Origin"));
    }

    [Fact]
    public async Task refuses_a_second_server_in_its_folder()
    {
        await using var server = await TestHomeserver.StartAsync();
        var config = Config(server) with { DataFolder = server.DataFolder };
        var exception = await Assert.ThrowsAsync<StartException>(() => Homeserver.StartAsync(config));
        Assert.Contains("another server may be running in it", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task refuses_another_name_for_a_folder_with_a_log()
    {
        await using var server = await TestHomeserver.StartAsync();
        var config = Config(server);
        await server.StopAsync();
        var renamed = config with { ServerName = Protocol.Identifiers.ServerName.Parse("other") };
        var exception = await Assert.ThrowsAsync<StartException>(() => Homeserver.StartAsync(renamed));
        Assert.Contains("belongs to the server hs", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task refuses_an_address_in_use_in_one_line()
    {
        await using var server = await TestHomeserver.StartAsync();
        var taken = new ListenAddress(false, System.Net.IPAddress.Loopback, server.Address.Port);
        var exception = await Assert.ThrowsAsync<StartException>(() => TestHomeserver.StartAsync(new()
        {
            Configure = config => config with { Client = config.Client with { Listen = [taken] } },
        }));
        Assert.Contains("address already in use", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ends_long_polls_at_once_when_it_stops()
    {
        await using var server = await TestHomeserver.StartAsync();
        var alice = await server.RegisterAsync("alice");
        var stopwatch = Stopwatch.StartNew();
        var poll = alice.GetAsync("sync?timeout=60000");
        await server.StopAsync();
        await poll.ContinueWith(_ => { }, TaskScheduler.Default);
        Assert.True(stopwatch.Elapsed < TimeSpan.FromSeconds(20), $"It took {stopwatch.Elapsed}.");
    }

    private static async Task<JsonElement> ReadKeysAsync(HttpClient client) =>
        JsonElement.Parse(await client.GetByteArrayAsync(new Uri("/_matrix/key/v2/server", UriKind.Relative)));

    private static HomeserverConfig Config(TestHomeserver server) =>
        server.Services.GetRequiredService<HomeserverConfig>();
}
