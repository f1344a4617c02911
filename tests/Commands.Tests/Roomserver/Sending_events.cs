using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using static Matrix.EventSourced.Commands.Tests.Roomserver.RoomserverWorld;

namespace Matrix.EventSourced.Commands.Tests.Roomserver;

public sealed class Sending_events : IAsyncDisposable
{
    private readonly RoomserverWorld _world = new();

    public async ValueTask DisposeAsync() => await _world.DisposeAsync();

    [Fact]
    public async Task builds_on_the_event_before()
    {
        var room = await _world.CreateAsync(Alice);
        var first = Done(await _world.SendAsync(room, Alice, "one"));
        var second = Done(await _world.SendAsync(room, Alice, "two"));

        var facts = await _world.FactsOfAsync(room);
        Assert.Equal([first, second], facts[^2..].Select(fact => fact.EventId));
        Assert.Empty(facts[^1].StateAdded);
        Creating_rooms.AssertDense(facts);
    }

    [Fact]
    public async Task answers_a_repeated_request_with_its_first_answer()
    {
        var room = await _world.CreateAsync(Alice);
        var first = Done(await _world.SendAsync(room, Alice, "one", "t1"));
        var again = Done(await _world.SendAsync(room, Alice, "something else", "t1"));
        var other = Done(await _world.SendAsync(room, Alice, "one", "t2"));

        Assert.Equal(first, again);
        Assert.NotEqual(first, other);
    }

    [Fact]
    public async Task takes_one_of_two_annotations_that_are_alike_and_another_once_that_is_redacted()
    {
        var room = await _world.CreateAsync(Alice);
        var annotation = new AnnotationKey(Alice, "m.reaction", "$target", "AB");
        var asked = Enumerable.Range(0, 3).Select(_ => AnnotateAsync(annotation)).ToList();
        var answers = await Task.WhenAll(asked);
        var first = Assert.IsType<RoomAnswer.Done>(answers[0]);
        foreach (var answer in answers[1..])
            Assert.Equal(ErrCodes.DuplicateAnnotation, Assert.IsType<RoomAnswer.Refused>(answer).Error.ErrCode);
        Assert.IsType<RoomAnswer.Done>(await AnnotateAsync(annotation with { KeySha256 = "CD" }));
        Assert.IsType<RoomAnswer.Done>(await AnnotateAsync(annotation with { Type = "org.other" }));
        Assert.IsType<RoomAnswer.Done>(await AnnotateAsync(annotation with { Target = "$other" }));

        Done(await _world.RedactAsync(room, Alice, first.EventId!.Value, "r1"));
        Assert.IsType<RoomAnswer.Done>(await AnnotateAsync(annotation));
        Assert.IsType<RoomAnswer.Refused>(await AnnotateAsync(annotation));

        async Task<RoomAnswer> AnnotateAsync(AnnotationKey key) => await _world.Rooms.PerformAsync(
            room,
            new SendPdu(_world.ContextOf(Alice), Alice, "m.reaction", null, Json("{}")) { Annotation = key });
    }

    [Fact]
    public async Task answers_a_repeated_request_with_its_first_answer_after_a_restart()
    {
        var room = await _world.CreateAsync(Alice);
        var first = Done(await _world.SendAsync(room, Alice, "one", "t1"));
        Done(await _world.SendAsync(room, Alice, "two", "t2"));
        var count = (await _world.FactsOfAsync(room)).Count;
        await using var restarted = _world.Restarted();

        Assert.Equal(first, Done(await restarted.SendAsync(room, Alice, "one", "t1")));
        Assert.Equal(count, (await restarted.FactsOfAsync(room)).Count);
        Done(await restarted.SendAsync(room, Alice, "three", "t3"));
        Creating_rooms.AssertDense(await restarted.FactsOfAsync(room));
    }

    [Fact]
    public async Task answers_a_repeated_request_even_when_it_would_be_refused_now()
    {
        var room = await _world.CreatePublicAsync();
        Done(await _world.JoinAsync(Bob, room.Value));
        var first = Done(await _world.SendAsync(room, Bob, "one", "t1"));
        Done(await _world.KickAsync(room, Alice, Bob));
        await using var restarted = _world.Restarted();

        Assert.Equal(first, Done(await restarted.SendAsync(room, Bob, "one", "t1")));
        Assert.Equal(ErrCodes.Forbidden, Refused(await restarted.SendAsync(room, Bob, "two", "t2")).ErrCode);
    }

    [Fact]
    public async Task sends_the_same_request_from_many_callers_once()
    {
        var room = await _world.CreateAsync(Alice);

        var answers = await Task.WhenAll(
            Enumerable.Range(0, 20).Select(_ => _world.SendAsync(room, Alice, "one", "t1")));

        Assert.Single(answers.Select(Done).Distinct());
    }

    [Theory]
    [InlineData("1")]
    [InlineData("5")]
    [InlineData("11")]
    [InlineData("12")]
    public async Task refuses_events_that_are_too_large(string version)
    {
        var room = await _world.CreateAsync(Alice, command => command with { RoomVersion = version });

        var error = Refused(await _world.SendAsync(room, Alice, new string('x', 65_536)));

        Assert.Equal((413, ErrCodes.TooLarge), (error.Status, error.ErrCode));
    }

    [Theory]
    [InlineData("""{"body":1.5}""")]
    [InlineData("""{"body":9007199254740993}""")]
    [InlineData("""{"body":1e300}""")]
    public async Task refuses_numbers_that_canonical_json_cannot_hold(string content)
    {
        var room = await _world.CreateAsync(Alice);

        var error = Refused(await _world.SendAsync(room, Alice, "m.room.message", content, null));

        Assert.Equal((400, ErrCodes.BadJson), (error.Status, error.ErrCode));
    }

    [Fact]
    public async Task says_the_same_of_unknown_rooms_and_other_users_rooms()
    {
        var room = await _world.CreateAsync(Alice);

        var other = Refused(await _world.SendAsync(room, Bob, "hello"));
        var unknown = Refused(await _world.SendAsync(RoomId.Parse("!unknown:hs"), Bob, "hello"));

        Assert.Equal((403, ErrCodes.Forbidden), (other.Status, other.ErrCode));
        Assert.Equal(other, unknown);
    }

    [Fact]
    public async Task refuses_without_the_power_and_names_the_rule()
    {
        var room = await _world.CreatePublicAsync();
        Done(await _world.JoinAsync(Bob, room.Value));

        var error = Refused(await _world.SetStateAsync(room, Bob, "m.room.name", "", """{"name":"Mine"}"""));

        Assert.Equal((403, ErrCodes.Forbidden), (error.Status, error.ErrCode));
        Assert.Contains("rule", error.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task makes_no_new_event_for_a_state_that_stands()
    {
        var room = await _world.CreateAsync(Alice);
        var first = Done(await _world.SetStateAsync(room, Alice, "m.room.name", "", """{"name":"A","x":[1,2]}"""));
        var count = (await _world.FactsOfAsync(room)).Count;

        var again = Done(
            await _world.SetStateAsync(room, Alice, "m.room.name", "", """{ "x": [1, 2], "name": "A" }"""));

        Assert.Equal(first, again);
        Assert.Equal(count, (await _world.FactsOfAsync(room)).Count);
        Assert.NotEqual(first, Done(await _world.SetStateAsync(room, Alice, "m.room.name", "", """{"name":"B"}""")));
    }

    [Theory]
    [InlineData("""{"users":{"@bob:hs":"100"}}""")]
    [InlineData("""{"users":{"bob":100}}""")]
    [InlineData("""{"events":[]}""")]
    [InlineData("""{"ban":50.5}""")]
    public async Task refuses_power_levels_that_are_no_integers(string content)
    {
        var room = await _world.CreateAsync(Alice, command => command with { RoomVersion = "9" });

        Assert.Equal(ErrCodes.BadJson, Refused(
            await _world.SetStateAsync(room, Alice, "m.room.power_levels", "", content)).ErrCode);
    }

    [Fact]
    public async Task refuses_a_second_create_event()
    {
        var room = await _world.CreateAsync(Alice);

        Assert.Equal(403, Refused(await _world.SetStateAsync(room, Alice, "m.room.create", "", "{}")).Status);
    }

    [Fact]
    public async Task checks_that_new_canonical_aliases_point_to_the_room()
    {
        var room = await _world.CreateAsync(Alice, command => command with { AliasLocalpart = "here" });
        await _world.CreateAsync(Alice, command => command with { AliasLocalpart = "there" });

        Assert.Equal(ErrCodes.BadAlias, await AliasErrorAsync(room, """{"alias":"#there:hs"}"""));
        Assert.Equal(ErrCodes.BadAlias, await AliasErrorAsync(room, """{"alt_aliases":["#nowhere:hs"]}"""));
        Assert.Equal(ErrCodes.InvalidParam, await AliasErrorAsync(room, """{"alias":"here"}"""));
        Assert.Equal(ErrCodes.InvalidParam, await AliasErrorAsync(room, """{"alias":7}"""));
        Done(await _world.SetStateAsync(room, Alice, "m.room.canonical_alias", "", """{"alt_aliases":["#here:hs"]}"""));
        Done(await _world.SetStateAsync(room, Alice, "m.room.canonical_alias", "", """{"alias":""}"""));
    }

    private async Task<string> AliasErrorAsync(RoomId room, string content) =>
        Refused(await _world.SetStateAsync(room, Alice, "m.room.canonical_alias", "", content)).ErrCode;
}
