using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Rooms;

/// <summary>m.invite_permission_config.</summary>
public sealed class Invites_that_are_blocked : IAsyncLifetime
{
    private TestHomeserver _server = null!;
    private TestUser _ada = null!;
    private TestUser _bob = null!;

    public async Task InitializeAsync()
    {
        _server = await TestHomeserver.StartAsync(new TestHomeserverOptions { IsLogInMemory = true });
        _ada = await _server.RegisterAsync("ada");
        _bob = await _server.RegisterAsync("bob");
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task are_refused_by_every_endpoint_until_they_are_allowed_again()
    {
        var room = await _ada.CreateRoomAsync("""{"preset":"private_chat"}""");
        var path = $"rooms/{Uri.EscapeDataString(room)}";
        await ConfigureAsync("""{"default_action":"block"}""");
        var invite = $$"""{"user_id":"{{_bob.UserId}}"}""";
        (await _ada.PostAsync($"{path}/invite", invite)).Refused(403, "M_INVITE_BLOCKED");
        (await _ada.PutAsync(
            $"{path}/state/m.room.member/{Uri.EscapeDataString(_bob.UserId)}", """{"membership":"invite"}"""))
            .Refused(403, "M_INVITE_BLOCKED");
        (await _ada.PostAsync("createRoom", $$"""{"invite":["{{_bob.UserId}}"]}""")).Refused(403, "M_INVITE_BLOCKED");
        Assert.Empty((await _bob.SyncAsync()).GetProperty("rooms").GetProperty("invite").EnumerateObject());

        foreach (var allowing in new[] { "{}", """{"default_action":"allow"}""", """{"default_action":["block"]}""" })
        {
            await ConfigureAsync("""{"default_action":"block"}""");
            await ConfigureAsync(allowing);
            (await _ada.PostAsync($"{path}/invite", invite)).Ok();
            (await _ada.PostAsync($"{path}/kick", invite)).Ok();
        }
    }

    [Fact]
    public async Task that_came_before_are_not_shown_while_they_are_blocked()
    {
        var token = (await _bob.SyncAsync()).Text("next_batch");
        var room = await _ada.CreateRoomAsync($$"""{"invite":["{{_bob.UserId}}"]}""");
        await ConfigureAsync("""{"default_action":"block"}""");
        foreach (var since in new[] { null, token })
            Assert.Empty((await _bob.SyncAsync(since)).GetProperty("rooms").GetProperty("invite").EnumerateObject());
        await ConfigureAsync("{}");
        Assert.True((await _bob.SyncAsync()).GetProperty("rooms").GetProperty("invite").TryGetProperty(room, out _));
        await _bob.JoinAsync(room);
    }

    private async Task ConfigureAsync(string content) => (await _bob.PutAsync(
        $"user/{Uri.EscapeDataString(_bob.UserId)}/account_data/m.invite_permission_config", content)).Ok();
}
