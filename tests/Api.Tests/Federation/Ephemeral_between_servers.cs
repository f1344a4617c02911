using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Federation;

/// <summary>Typing, receipts, presence, directories and profiles across two real servers.</summary>
public sealed class Ephemeral_between_servers : TwoServers
{
    private string _room = null!;

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        _room = await Alice.CreateRoomAsync("""{"preset":"public_chat","visibility":"public","name":"Everybody"}""");
        (await Bob.PostAsync($"/_matrix/client/v3/join/{Escaped(_room)}?via={ServerOf(Alice)}")).Ok();
    }

    [Fact]
    public async Task typing_is_seen_by_the_other_server()
    {
        (await Bob.PutAsync(
            $"/_matrix/client/v3/rooms/{Escaped(_room)}/typing/{Escaped(Bob.UserId)}",
            """{"typing":true,"timeout":20000}""")).Ok();

        await Alice.SeesAsync(
            sync => Ephemeral(sync, "m.typing").Contains(Bob.UserId, StringComparison.Ordinal), "no typing");
    }

    [Fact]
    public async Task receipt_is_seen_by_the_other_server()
    {
        var eventId = await Alice.SendTextAsync(_room, "read me");
        await Bob.SeesAsync(_room, eventId);
        (await Bob.PostAsync($"/_matrix/client/v3/rooms/{Escaped(_room)}/receipt/m.read/{Escaped(eventId)}")).Ok();

        await Alice.SeesAsync(
            sync => Ephemeral(sync, "m.receipt") is var receipts
                && receipts.Contains(Bob.UserId, StringComparison.Ordinal)
                && receipts.Contains(eventId, StringComparison.Ordinal),
            "no receipt");
    }

    [Fact]
    public async Task presence_is_seen_by_the_other_server()
    {
        (await Bob.PutAsync(
            $"/_matrix/client/v3/presence/{Escaped(Bob.UserId)}/status",
            """{"presence":"online","status_msg":"here"}""")).Ok();

        await Alice.SeesAsync(
            sync => sync.TryGetProperty("presence", out var presence)
                && presence.GetProperty("events").EnumerateArray().Any(entry => entry.Text("sender") == Bob.UserId
                    && entry.GetProperty("content").TryGetProperty("status_msg", out var message)
                    && message.GetString() == "here"),
            "no presence");
    }

    [Fact]
    public async Task directory_and_profile_of_the_other_server_are_shown()
    {
        (await Alice.PutAsync(
            $"/_matrix/client/v3/profile/{Escaped(Alice.UserId)}/displayname", """{"displayname":"Alice"}""")).Ok();
        var directory = (await Bob.GetAsync($"/_matrix/client/v3/publicRooms?server={ServerOf(Alice)}")).Ok();
        var found = (await Bob.PostAsync(
            $"/_matrix/client/v3/publicRooms?server={ServerOf(Alice)}",
            """{"filter":{"generic_search_term":"nothing of the kind"}}""")).Ok();
        var profile = (await Bob.GetAsync($"/_matrix/client/v3/profile/{Escaped(Alice.UserId)}")).Ok();

        Assert.Equal(_room, directory.GetProperty("chunk")[0].Text("room_id"));
        Assert.Equal(0, found.GetProperty("chunk").GetArrayLength());
        Assert.Equal("Alice", profile.Text("displayname"));
    }

    [Fact]
    public async Task space_of_the_other_server_is_walked()
    {
        var space = await Alice.CreateRoomAsync(
            """{"preset":"public_chat","name":"Space","creation_content":{"type":"m.space"}}""");
        await Alice.SetStateAsync(space, "m.space.child", _room, $$"""{"via":["{{ServerOf(Alice)}}"]}""");
        var own = await Bob.CreateRoomAsync("""{"preset":"public_chat","creation_content":{"type":"m.space"}}""");
        await Bob.SetStateAsync(own, "m.space.child", space, $$"""{"via":["{{ServerOf(Alice)}}"]}""");
        var walked = (await Bob.GetAsync($"/_matrix/client/v1/rooms/{Escaped(own)}/hierarchy")).Ok();

        Assert.Equal([own, space, _room], walked.GetProperty("rooms").EnumerateArray().Select(room => room.Text("room_id")));
    }

    private string Ephemeral(JsonElement sync, string type) => string.Concat(
        SharedRooms.Events(sync, "join", _room, "ephemeral")
            .Where(entry => entry.Text("type") == type)
            .Select(entry => entry.ToString()));
}
