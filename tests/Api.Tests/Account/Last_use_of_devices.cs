using System.Net.Http.Headers;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.UserApi;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Matrix.EventSourced.Api.Tests.Account;

/// <summary>When a device was used, from where and with what: ADR 0083.</summary>
public sealed class Last_use_of_devices : IAsyncLifetime
{
    private const string Phone = "Phone/1.0";

    private static readonly HttpClient Client = new();

    private readonly FakeTimeProvider _time = new(DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_000));
    private TestHomeserver _server = null!;
    private TestUser _alice = null!;

    public async Task InitializeAsync()
    {
        _server = await TestHomeserver.StartAsync(new TestHomeserverOptions { Time = _time });
        _alice = await _server.RegisterAsync("alice");
    }

    public Task DisposeAsync() => _server.DisposeAsync().AsTask();

    [Fact]
    public async Task devices_show_when_and_from_where_they_were_used()
    {
        var other = await LogInAsync();
        Assert.Equal((Ms, "127.0.0.1"), await SeenAsync(_alice, other.DeviceId));
        await NextRoundAsync();
        await UseAsync(other, "203.0.113.7");
        var used = Ms;
        _time.Advance(TimeSpan.FromSeconds(30));
        await UseAsync(other, "203.0.113.8");
        // One note a round: the second use is not told.
        Assert.Equal((used, "203.0.113.7"), await SeenAsync(_alice, other.DeviceId));
        await NextRoundAsync();
        await UseAsync(other, "203.0.113.8");
        Assert.Equal((Ms, "203.0.113.8"), await SeenAsync(_alice, other.DeviceId));
        var one = (await _alice.GetAsync($"devices/{other.DeviceId}")).Ok();
        Assert.Equal(("203.0.113.8", Ms), (one.Text("last_seen_ip"), one.GetProperty("last_seen_ts").GetInt64()));
    }

    [Fact]
    public async Task whois_shows_the_last_connection()
    {
        var other = await LogInAsync();
        await NextRoundAsync();
        await UseAsync(other, "2001:db8::1, 203.0.113.7");
        var devices = (await _alice.GetAsync($"admin/whois/{_alice.UserId}")).Ok().GetProperty("devices");
        var connection = Assert.Single(
            devices.GetProperty(other.DeviceId).GetProperty("sessions")[0].GetProperty("connections").EnumerateArray());
        Assert.Equal($$"""{"ip":"203.0.113.7","last_seen":{{Ms}},"user_agent":"Phone/1.0"}""", connection.GetRawText());
    }

    [Fact]
    public async Task requests_write_nothing_and_a_clean_stop_and_a_rebuild_lose_nothing()
    {
        var other = await LogInAsync();
        await UseAsync(other, "203.0.113.7");
        Assert.Equal(0, await CountAsync());
        await _server.StopAsync();
        Assert.Equal(2, await CountAsync());
        await using (var stopped = await _server.OpenStoppedAsync())
            await stopped.Services.GetRequiredService<ProjectionHost>().RebuildStoppedAsync("userapi", CancellationToken.None);
        var used = Ms;
        _time.Advance(TimeSpan.FromHours(1));
        await _server.StartAgainAsync();
        Assert.Equal((used, "127.0.0.1"), await SeenAsync(_alice, other.DeviceId));
        Assert.Equal((Ms, "127.0.0.1"), await SeenAsync(_alice, _alice.DeviceId));
    }

    [Fact]
    public async Task what_is_known_of_a_device_goes_with_it()
    {
        var other = await LogInAsync();
        await NextRoundAsync();
        (await other.PostAsync("logout")).Ok();
        // The same device is there again, and was not used since.
        await NextRoundAsync();
        Assert.Equal(1, await CountAsync());
        await LogInAsync(other.DeviceId);
        Assert.Equal((Ms, "127.0.0.1"), await SeenAsync(_alice, other.DeviceId));
        await NextRoundAsync();
        Assert.Equal(2, await CountAsync());
        (await _alice.PostAsync(
            "account/deactivate",
            """{"auth":{"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":"secret"}}""")).Ok();
        await _server.StopAsync();
        Assert.Equal(0, await CountAsync());
    }

    [Fact]
    public async Task what_a_crash_left_is_swept()
    {
        await NextRoundAsync();
        await _server.Database.ExecuteAsync(
            "INSERT INTO usage.device_sightings VALUES ('@alice:hs', 'GONE', 1, '203.0.113.9', NULL)");
        await _server.Services.GetRequiredService<DeviceSightingTable>().SweepAsync(CancellationToken.None);
        Assert.Equal(1, await CountAsync());
    }

    [Fact]
    public async Task long_names_of_programs_are_cut()
    {
        await NextRoundAsync();
        await UseAsync(_alice, "203.0.113.7", new string('x', 600));
        await _server.StopAsync();
        Assert.Equal(
            new string('x', 512),
            await _server.Database.ScalarAsync<string>("SELECT user_agent FROM usage.device_sightings"));
    }

    private long Ms => _time.GetUtcNow().ToUnixTimeMilliseconds();

    private async Task NextRoundAsync()
    {
        await _server.Services.GetRequiredService<DeviceSightingTable>().WriteRoundAsync(CancellationToken.None);
        // Less than a real minute: the server's own rounds stay out of it.
        _time.Advance(TimeSpan.FromSeconds(1));
    }

    private async Task<TestUser> LogInAsync(string? deviceId = null)
    {
        var device = deviceId is null ? string.Empty : $",\"device_id\":\"{deviceId}\"";
        var session = (await _server.SendAsync(
            "POST",
            "login",
            null,
            $$$"""{"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":"secret"{{{device}}}}""")).Ok();
        return new TestUser(_server, session.Text("user_id"), session.Text("access_token"), session.Text("device_id"));
    }

    private async Task UseAsync(TestUser user, string forwardedFor, string userAgent = Phone)
    {
        using var request = new HttpRequestMessage(
            HttpMethod.Get, new Uri(_server.Address, "/_matrix/client/v3/account/whoami"));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", user.Token);
        request.Headers.Add("X-Forwarded-For", forwardedFor);
        request.Headers.TryAddWithoutValidation("User-Agent", userAgent);
        using var response = await Client.SendAsync(request);
        Assert.True(response.IsSuccessStatusCode);
    }

    private async Task<(long, string)> SeenAsync(TestUser asking, string deviceId)
    {
        var device = (await asking.GetAsync("devices")).Ok().GetProperty("devices").EnumerateArray()
            .Single(one => one.Text("device_id") == deviceId);
        return (device.GetProperty("last_seen_ts").GetInt64(), device.Text("last_seen_ip"));
    }

    private Task<long> CountAsync() => _server.Database.ScalarAsync<long>("SELECT count(*) FROM usage.device_sightings");
}
