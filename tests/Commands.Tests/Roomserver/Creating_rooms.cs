using System.Text.Json;
using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.Commands.Roomserver.ThirdParty;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.RoomVersions;
using static Matrix.EventSourced.Commands.Tests.Roomserver.RoomserverWorld;

namespace Matrix.EventSourced.Commands.Tests.Roomserver;

public sealed class Creating_rooms : IAsyncDisposable
{
    private readonly RoomserverWorld _world = new();

    public static TheoryData<string, RoomPreset> VersionsAndPresets()
    {
        var data = new TheoryData<string, RoomPreset>();
        foreach (var rules in RoomVersionRules.All)
        {
            foreach (var preset in Enum.GetValues<RoomPreset>())
                data.Add(rules.Version, preset);
        }
        return data;
    }

    public async ValueTask DisposeAsync() => await _world.DisposeAsync();

    [Theory]
    [MemberData(nameof(VersionsAndPresets))]
    public async Task sends_the_events_in_the_order_of_the_spec(string version, RoomPreset preset)
    {
        _world.Ports.Profiles[Bob] = new MemberProfile("Bob", "mxc://hs/bob");

        var room = await _world.CreateAsync(Alice, command => command with
        {
            RoomVersion = version,
            Preset = preset,
            AliasLocalpart = "pub",
            Name = "The pub",
            Topic = "Hours",
            IsDirect = true,
            Invite = [Bob.Value],
            InitialState = [new InitialState(
                "m.room.encryption", string.Empty, Json("""{"algorithm":"m.megolm.v1.aes-sha2"}"""))],
        });

        var facts = await _world.FactsOfAsync(room);
        Assert.Equal(
            [
                "m.room.create", "m.room.member", "m.room.power_levels", "m.room.canonical_alias", "m.room.join_rules",
                "m.room.history_visibility", "m.room.guest_access", "m.room.encryption", "m.room.name",
                "m.room.topic", "m.room.member",
            ],
            facts.Select(fact => fact.StateAdded[0].Tuple.Type));
        Assert.All(facts, fact => Assert.Equal(version, fact.RoomVersion));
        AssertDense(facts);
        var isPublic = preset == RoomPreset.PublicChat;
        Assert.Equal(isPublic ? "public" : "invite", await StringAsync(room, "m.room.join_rules", "join_rule"));
        Assert.Equal("shared", await StringAsync(room, "m.room.history_visibility", "history_visibility"));
        Assert.Equal(
            isPublic ? "forbidden" : "can_join", await StringAsync(room, "m.room.guest_access", "guest_access"));
        Assert.Equal("#pub:hs", await StringAsync(room, "m.room.canonical_alias", "alias"));
        var invite = (await _world.StateAsync(room, "m.room.member", Bob.Value))!.Value;
        Assert.True(invite.GetProperty("is_direct").GetBoolean());
        Assert.Equal("Bob", invite.GetProperty("displayname").GetString());
        Assert.Equal("mxc://hs/bob", invite.GetProperty("avatar_url").GetString());
    }

    [Theory]
    [InlineData("11")]
    [InlineData("12")]
    public async Task shares_the_creator_s_power_in_a_trusted_private_chat(string version)
    {
        var room = await _world.CreateAsync(Alice, command => command with
        {
            RoomVersion = version, Preset = RoomPreset.TrustedPrivateChat, Invite = [Bob.Value],
        });

        var create = (await _world.StateAsync(room, "m.room.create"))!.Value;
        var users = (await _world.StateAsync(room, "m.room.power_levels"))!.Value.GetProperty("users");
        if (version == "12")
        {
            Assert.Equal([Bob.Value], create.GetProperty("additional_creators").EnumerateArray().Select(
                user => user.GetString()));
            Assert.Empty(users.EnumerateObject());
        }
        else
        {
            Assert.Equal(100, users.GetProperty(Alice.Value).GetInt32());
            Assert.Equal(100, users.GetProperty(Bob.Value).GetInt32());
        }
    }

    [Theory]
    [InlineData("11", 100)]
    [InlineData("12", 150)]
    public async Task puts_the_tombstone_above_the_state_default(string version, int level)
    {
        var room = await _world.CreateAsync(Alice, command => command with { RoomVersion = version });

        var levels = (await _world.StateAsync(room, "m.room.power_levels"))!.Value;
        Assert.Equal(level, levels.GetProperty("events").GetProperty("m.room.tombstone").GetInt32());
    }

    [Fact]
    public async Task invite_that_another_server_does_not_take_leaves_the_room_without_it()
    {
        var room = await _world.CreateAsync(RoomserverWorld.Alice, command => command with { Invite = ["@far:elsewhere"] });

        Assert.DoesNotContain(
            await _world.FactsOfAsync(room), fact => fact.Pdu.ToString().Contains("@far", StringComparison.Ordinal));
    }

    [Fact]
    public async Task makes_a_version_12_room_s_id_from_its_create_event()
    {
        var room = await _world.CreateAsync(Alice);

        var facts = await _world.FactsOfAsync(room);
        Assert.Equal(room.Value[1..], facts[0].EventId.Value[1..]);
        Assert.False(Json(facts[0].Pdu.ToString()).TryGetProperty("room_id", out _));
    }

    [Fact]
    public async Task overwrites_what_is_the_server_s_in_the_creation_content()
    {
        var room = await _world.CreateAsync(Alice, command => command with
        {
            RoomVersion = "10",
            CreationContent = Json(
                """{"creator":"@mallory:hs","room_version":"1","m.federate":false,"type":"m.space"}"""),
        });

        var create = (await _world.StateAsync(room, "m.room.create"))!.Value;
        Assert.Equal(Alice.Value, create.GetProperty("creator").GetString());
        Assert.Equal("10", create.GetProperty("room_version").GetString());
        Assert.False(create.GetProperty("m.federate").GetBoolean());
        Assert.Equal("m.space", create.GetProperty("type").GetString());
    }

    [Fact]
    public async Task lets_initial_state_win_over_the_preset_and_name_over_initial_state()
    {
        var room = await _world.CreateAsync(Alice, command => command with
        {
            Name = "By name",
            InitialState =
            [
                new InitialState(
                    "m.room.history_visibility", string.Empty, Json("""{"history_visibility":"joined"}""")),
                new InitialState("m.room.name", string.Empty, Json("""{"name":"By state"}""")),
            ],
        });

        var types = (await _world.FactsOfAsync(room)).Select(fact => fact.StateAdded[0].Tuple.Type).ToList();
        Assert.Single(types, "m.room.history_visibility");
        Assert.Single(types, "m.room.name");
        Assert.Equal("joined", await StringAsync(room, "m.room.history_visibility", "history_visibility"));
        Assert.Equal("By name", await StringAsync(room, "m.room.name", "name"));
    }

    [Fact]
    public async Task puts_the_override_on_top_of_the_default_levels()
    {
        var room = await _world.CreateAsync(Alice, command => command with
        {
            PowerLevelContentOverride = Json("""{"events_default":25,"users":{"@bob:hs":50}}"""),
        });

        var levels = (await _world.StateAsync(room, "m.room.power_levels"))!.Value;
        Assert.Equal(25, levels.GetProperty("events_default").GetInt32());
        Assert.Equal(50, levels.GetProperty("users").GetProperty("@bob:hs").GetInt32());
        Assert.Equal(50, levels.GetProperty("state_default").GetInt32());
    }

    [Fact]
    public async Task writes_the_topic_in_both_forms()
    {
        var room = await _world.CreateAsync(Alice, command => command with { Topic = "Hours" });

        var topic = (await _world.StateAsync(room, "m.room.topic"))!.Value;
        Assert.Equal("Hours", topic.GetProperty("topic").GetString());
        Assert.Equal("Hours", topic.GetProperty("m.topic").GetProperty("m.text")[0].GetProperty("body").GetString());
    }

    [Fact]
    public async Task room_is_there_even_when_an_identity_server_is_not()
    {
        var room = await _world.CreateAsync(Alice, command => command with
        {
            ThirdPartyInvites = [new ThirdPartyTarget("email", "bob@example.org", ServerName.Parse("id.example"), "token")],
        });

        Assert.NotNull(await _world.StateAsync(room, "m.room.power_levels"));
        Assert.Null(await _world.StateAsync(room, "m.room.third_party_invite"));
    }

    [Fact]
    public async Task refuses_what_cannot_be()
    {
        await AssertRefusedAsync(ErrCodes.UnsupportedRoomVersion, command => command with { RoomVersion = "none" });
        await AssertRefusedAsync(ErrCodes.InvalidParam, command => command with { AliasLocalpart = "a:b" });
        await AssertRefusedAsync(
            ErrCodes.BadJson, command => command with { PowerLevelContentOverride = Json("""{"ban":"50"}""") });
        await AssertRefusedAsync(
            ErrCodes.BadJson, command => command with { CreationContent = Json(
                """{"additional_creators":["nobody"]}""") });
        await AssertRefusedAsync(
            ErrCodes.InvalidRoomState,
            command => command with { RoomVersion = "11", PowerLevelContentOverride = Json("""{"users":{}}"""),
                Name = "No power left" });
        await AssertRefusedAsync(
            ErrCodes.InvalidRoomState,
            command => command with { PowerLevelContentOverride = Json("""{"users":{"@alice:hs":100}}""") });
        Assert.Empty(await _world.Ports.AllAsync());
    }

    [Fact]
    public async Task refuses_an_alias_that_is_taken_and_gives_none_away()
    {
        var first = await _world.CreateAsync(Alice, command => command with { AliasLocalpart = "pub" });

        await AssertRefusedAsync(ErrCodes.RoomInUse, command => command with { AliasLocalpart = "pub" });

        Assert.Equal(first, await _world.Aliases.ResolveAsync(RoomAlias.Parse("#pub:hs")));
    }

    [Fact]
    public async Task lists_a_public_room_in_the_directory()
    {
        var listed = await _world.CreateAsync(Alice, command => command with { IsPublic = true });
        var unlisted = await _world.CreateAsync(Alice);

        Assert.True(await _world.Directory.IsPublicAsync(listed));
        Assert.False(await _world.Directory.IsPublicAsync(unlisted));
    }

    [Fact]
    public async Task tells_the_invited_about_the_room()
    {
        var room = await _world.CreateAsync(Alice, command => command with { Name = "The pub", Invite = [Bob.Value] });

        var fact = (await _world.FactsOfAsync(room))[^1];
        var types = Json(fact.StrippedState!.Value.ToString()).EnumerateArray().Select(
            state => state.GetProperty("type").GetString());
        Assert.Equal(["m.room.create", "m.room.join_rules", "m.room.name", "m.room.member"], types);
    }

    [Fact]
    public async Task writes_the_whole_room_in_one_append()
    {
        await _world.CreateAsync(Alice, command => command with { Invite = [Bob.Value, Carol.Value] });

        Assert.Equal(1, _world.Log.Appends);
    }

    internal static void AssertDense(IReadOnlyList<PduRecorded> facts)
    {
        for (var i = 0; i < facts.Count; i++)
        {
            var pdu = Json(facts[i].Pdu.ToString());
            Assert.Equal(i + 1, pdu.GetProperty("depth").GetInt32());
            Assert.Equal(facts[i].EventId, Assert.Single(facts[i].ForwardExtremities));
            if (i > 0)
                Assert.Equal(facts[i - 1].CurrentState, facts[i].StateBefore);
            var prev = pdu.GetProperty("prev_events").EnumerateArray()
                .Select(entry => entry.ValueKind == JsonValueKind.Array ? entry[0].GetString() : entry.GetString());
            Assert.Equal(i == 0 ? [] : [facts[i - 1].EventId.Value], prev);
        }
    }

    private async Task AssertRefusedAsync(string errCode, Func<CreateRoom, CreateRoom> change) =>
        Assert.Equal(errCode, Refused(await _world.TryCreateAsync(Alice, change)).ErrCode);

    private async Task<string?> StringAsync(RoomId room, string type, string member) =>
        (await _world.StateAsync(room, type))!.Value.GetProperty(member).GetString();
}
