using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Federation;

/// <summary>Another server wants its user in a room whose conditions we judge.</summary>
public sealed class Restricted_joins_of_servers : OneHostileServer
{
    private string Make(string room) =>
        $"{V1}/make_join/{Uri.EscapeDataString(room)}/{Uri.EscapeDataString(Mallory.UserId)}?ver=11";

    private Task<string> RestrictedAsync(string allow) => Alice.CreateRoomAsync(
        $$"""
        {"preset":"private_chat","room_version":"11","initial_state":[{"type":"m.room.join_rules","state_key":"","content":
            {"join_rule":"restricted","allow":{{allow}} } }]}
        """);

    /// <summary>Whoever is told that we cannot tell asks another server, which knows no more.</summary>
    [Theory]
    [InlineData("[]")]
    [InlineData("""[{"type":"org.example.other"},{"type":"m.room_membership","room_id":7}]""")]
    [InlineData("7")]
    public async Task without_conditions_nobody_meets_them(string allow)
    {
        var room = await RestrictedAsync(allow);

        (await AskAsync("GET", Make(room))).Refused(403, "M_FORBIDDEN");
    }

    [Fact]
    public async Task rooms_that_are_not_here_are_for_others_to_judge()
    {
        var room = await RestrictedAsync("""[{"type":"m.room_membership","room_id":"!club:example.org"}]""");

        (await AskAsync("GET", Make(room))).Refused(400, "M_UNABLE_TO_AUTHORISE_JOIN");
    }

    /// <summary>The members of such a room were taken to be those of the day when we left.</summary>
    [Fact]
    public async Task rooms_that_we_have_left_are_for_others_to_judge()
    {
        var room = await RestrictedAsync($$"""[{"type":"m.room_membership","room_id":"{{Room}}"}]""");
        (await AskAsync("GET", Make(room))).Ok();
        (await Alice.PostAsync($"/_matrix/client/v3/rooms/{Uri.EscapeDataString(Room)}/leave")).Ok();

        (await AskAsync("GET", Make(room))).Refused(400, "M_UNABLE_TO_AUTHORISE_JOIN");
    }

    /// <summary>The signature was given to any join that named one of our users, template or not.</summary>
    [Fact]
    public async Task join_that_meets_no_condition_is_not_vouched_for()
    {
        var club = await Alice.CreateRoomAsync("""{"preset":"public_chat","room_version":"11"}""");
        var room = await RestrictedAsync($$"""[{"type":"m.room_membership","room_id":"{{club}}"}]""");
        (await Mallory.PostAsync($"/_matrix/client/v3/join/{Uri.EscapeDataString(club)}?via={Us}")).Ok();
        var template = await MakeAsync("join", room, Mallory.UserId);
        (await Alice.PostAsync(
            $"/_matrix/client/v3/rooms/{Uri.EscapeDataString(club)}/kick", $$"""{"user_id":"{{Mallory.UserId}}"}""")).Ok();
        var refused = await SendAsync("v2/send_join", Complete(template));
        var stateThen = await Alice.StateAsync(room);

        Assert.Equal(Alice.UserId, template.GetProperty("content").Text("join_authorised_via_users_server"));
        refused.Refused(403, "M_FORBIDDEN");
        Assert.DoesNotContain($"m.room.member|{Mallory.UserId}", stateThen.Keys);
    }

    [Fact]
    public async Task join_that_meets_a_condition_comes_back_with_our_signature()
    {
        var room = await RestrictedAsync($$"""[{"type":"m.room_membership","room_id":"{{Room}}"}]""");
        var join = Complete(await MakeAsync("join", room, Mallory.UserId));
        var answer = (await SendAsync("v2/send_join", join)).Ok();
        var again = (await SendAsync("v2/send_join", join)).Ok();

        Assert.True(answer.GetProperty("event").GetProperty("signatures").TryGetProperty(Us.Value, out _));
        Assert.True(again.GetProperty("event").GetProperty("signatures").TryGetProperty(Us.Value, out _));
        Assert.Contains($"m.room.member|{Mallory.UserId}", (await Alice.StateAsync(room)).Keys);
    }
}
