using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Federation;

/// <summary>Typing, receipts, presence, directories and profiles across two real servers.</summary>
public sealed class Ephemeral_between_servers : IAsyncLifetime
{
    private TestHomeserver _first = null!;
    private TestHomeserver _second = null!;
    private TestUser _alice = null!;
    private TestUser _bob = null!;
    private string _room = null!;

    public async Task InitializeAsync()
    {
        _first = await FederatingServers.StartAsync();
        _second = await FederatingServers.StartAsync();
        _alice = await _first.RegisterAsync("alice");
        _bob = await _second.RegisterAsync("bob");
        _room = await _alice.CreateRoomAsync("""{"preset":"public_chat","visibility":"public","name":"Everybody"}""");
        (await _bob.PostAsync($"/_matrix/client/v3/join/{Escaped(_room)}?via={ServerOf(_alice)}")).Ok();
    }

    public async Task DisposeAsync()
    {
        await _first.DisposeAsync();
        await _second.DisposeAsync();
    }

    [Fact]
    public async Task typing_is_seen_by_the_other_server()
    {
        (await _bob.PutAsync(
            $"/_matrix/client/v3/rooms/{Escaped(_room)}/typing/{Escaped(_bob.UserId)}",
            """{"typing":true,"timeout":20000}""")).Ok();

        await _alice.SeesAsync(
            sync => Ephemeral(sync, "m.typing").Contains(_bob.UserId, StringComparison.Ordinal), "no typing");
    }

    [Fact]
    public async Task receipt_is_seen_by_the_other_server()
    {
        var eventId = await _alice.SendTextAsync(_room, "read me");
        await _bob.SeesAsync(_room, eventId);
        (await _bob.PostAsync($"/_matrix/client/v3/rooms/{Escaped(_room)}/receipt/m.read/{Escaped(eventId)}")).Ok();

        await _alice.SeesAsync(
            sync => Ephemeral(sync, "m.receipt") is var receipts
                && receipts.Contains(_bob.UserId, StringComparison.Ordinal)
                && receipts.Contains(eventId, StringComparison.Ordinal),
            "no receipt");
    }

    [Fact]
    public async Task presence_is_seen_by_the_other_server()
    {
        (await _bob.PutAsync(
            $"/_matrix/client/v3/presence/{Escaped(_bob.UserId)}/status",
            """{"presence":"online","status_msg":"here"}""")).Ok();

        await _alice.SeesAsync(
            sync => sync.TryGetProperty("presence", out var presence)
                && presence.GetProperty("events").EnumerateArray().Any(entry => entry.Text("sender") == _bob.UserId
                    && entry.GetProperty("content").TryGetProperty("status_msg", out var message)
                    && message.GetString() == "here"),
            "no presence");
    }

    [Fact]
    public async Task directory_and_profile_of_the_other_server_are_shown()
    {
        (await _alice.PutAsync(
            $"/_matrix/client/v3/profile/{Escaped(_alice.UserId)}/displayname", """{"displayname":"Alice"}""")).Ok();
        var directory = (await _bob.GetAsync($"/_matrix/client/v3/publicRooms?server={ServerOf(_alice)}")).Ok();
        var found = (await _bob.PostAsync(
            $"/_matrix/client/v3/publicRooms?server={ServerOf(_alice)}",
            """{"filter":{"generic_search_term":"nothing of the kind"}}""")).Ok();
        var profile = (await _bob.GetAsync($"/_matrix/client/v3/profile/{Escaped(_alice.UserId)}")).Ok();

        Assert.Equal(_room, directory.GetProperty("chunk")[0].Text("room_id"));
        Assert.Equal(0, found.GetProperty("chunk").GetArrayLength());
        Assert.Equal("Alice", profile.Text("displayname"));
    }

    [Fact]
    public async Task space_of_the_other_server_is_walked()
    {
        var space = await _alice.CreateRoomAsync(
            """{"preset":"public_chat","name":"Space","creation_content":{"type":"m.space"}}""");
        await _alice.SetStateAsync(space, "m.space.child", _room, $$"""{"via":["{{ServerOf(_alice)}}"]}""");
        var own = await _bob.CreateRoomAsync("""{"preset":"public_chat","creation_content":{"type":"m.space"}}""");
        await _bob.SetStateAsync(own, "m.space.child", space, $$"""{"via":["{{ServerOf(_alice)}}"]}""");
        var walked = (await _bob.GetAsync($"/_matrix/client/v1/rooms/{Escaped(own)}/hierarchy")).Ok();

        Assert.Equal([own, space, _room], walked.GetProperty("rooms").EnumerateArray().Select(room => room.Text("room_id")));
    }

    private string Ephemeral(JsonElement sync, string type) => string.Concat(
        SharedRooms.Events(sync, "join", _room, "ephemeral")
            .Where(entry => entry.Text("type") == type)
            .Select(entry => entry.ToString()));

    private static string Escaped(string text) => Uri.EscapeDataString(text);

    private static string ServerOf(TestUser user) => user.UserId[(user.UserId.IndexOf(':', StringComparison.Ordinal) + 1)..];
}
