using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Reading;

public sealed class Filters_of_history : IAsyncLifetime
{
    private TestHomeserver _server = null!;
    private TestUser _ada = null!;
    private TestUser _bob = null!;
    private string _room = null!;
    private string _first = null!;
    private string _image = null!;
    private string _bobs = null!;
    private string _other = null!;

    public async Task InitializeAsync()
    {
        _server = await TestHomeserver.StartAsync();
        _ada = await _server.RegisterAsync("ada");
        _bob = await _server.RegisterAsync("bob");
        _room = await _ada.CreateRoomAsync();
        await _bob.JoinAsync(_room);
        _first = await _ada.SendTextAsync(_room, "first");
        _image = await _ada.SendAsync(_room, "m.room.message", """{"msgtype":"m.image","body":"i","url":"mxc://hs/i"}""");
        _bobs = await _bob.SendTextAsync(_room, "bob's");
        _other = await _ada.SendAsync(_room, "org.example.other", "{}");
    }

    public Task DisposeAsync() => _server.DisposeAsync().AsTask();

    [Fact]
    public async Task choose_types_senders_rooms_and_urls()
    {
        Assert.Equal([_bobs, _image, _first], await MessagesAsync("""{"types":["m.room.message"]}"""));
        Assert.Equal([_other], await MessagesAsync("""{"types":["org.*"]}"""));
        Assert.Equal([_bobs, _image, _first], await MessagesAsync("""{"types":["*"],"not_types":["org.*","m.room.[a-z]*"],"limit":3}"""));
        Assert.Equal([_bobs], await MessagesAsync($$"""{"senders":["{{_bob.UserId}}"],"types":["m.room.message"]}"""));
        Assert.Equal([_other, _image, _first], await MessagesAsync($$"""{"not_senders":["{{_bob.UserId}}"],"limit":3}"""));
        Assert.Equal([_image], await MessagesAsync("""{"contains_url":true}"""));
        Assert.DoesNotContain(_image, await MessagesAsync("""{"contains_url":false}"""));
        Assert.Equal([_other], await MessagesAsync($$"""{"rooms":["{{_room}}"],"limit":1}"""));
        Assert.Empty(await MessagesAsync("""{"rooms":["!other:hs"]}"""));
        Assert.Empty(await MessagesAsync($$"""{"not_rooms":["{{_room}}"]}"""));
    }

    [Fact]
    public async Task hold_for_what_stands_around_an_event_but_not_for_the_event()
    {
        var context = await ContextAsync(_bobs, """{"types":["org.*"]}""");
        Assert.Equal(_bobs, context.GetProperty("event").Text("event_id"));
        Assert.Empty(Ids(context.GetProperty("events_before")));
        Assert.Equal([_other], Ids(context.GetProperty("events_after")));
        Assert.Empty(Ids(context.GetProperty("state")));
        context = await ContextAsync(_bobs, $$"""{"not_rooms":["{{_room}}"]}""");
        Assert.Empty(Ids(context.GetProperty("events_before")));
        Assert.Empty(Ids(context.GetProperty("state")));
        context = await ContextAsync(_image, """{"limit":1}""");
        Assert.Equal(1, context.GetProperty("events_before").GetArrayLength() + context.GetProperty("events_after").GetArrayLength());
    }

    [Fact]
    public async Task load_members_lazily()
    {
        var page = await PageAsync("""{"lazy_load_members":true,"types":["m.room.message"]}""");
        Assert.Equal([_ada.UserId, _bob.UserId], Members(page.GetProperty("state")));
        page = await PageAsync($$"""{"lazy_load_members":true,"senders":["{{_bob.UserId}}"],"limit":1}""");
        Assert.Equal([_bob.UserId], Members(page.GetProperty("state")));
        var context = await ContextAsync(_bobs, """{"lazy_load_members":true,"limit":0}""");
        Assert.Equal([_bob.UserId], Members(context.GetProperty("state")));
    }

    [Fact]
    public async Task choose_events_that_have_certain_children()
    {
        await RelateAsync(_bob, _first, "m.thread");
        var child = await RelateAsync(_ada, _image, "m.reference");
        Assert.Equal([_image, _first], await MessagesAsync("""{"related_by_rel_types":["m.thread","m.reference"]}"""));
        Assert.Equal([_first], await MessagesAsync("""{"related_by_rel_types":["m.thread"]}"""));
        Assert.Equal([_first], await MessagesAsync($$"""{"related_by_senders":["{{_bob.UserId}}"]}"""));
        Assert.Empty(await MessagesAsync($$"""{"related_by_senders":["{{_bob.UserId}}"],"related_by_rel_types":["m.reference"]}"""));
        (await _ada.PutAsync($"rooms/{_room}/redact/{child}/r", "{}")).Ok();
        Assert.Empty(await MessagesAsync("""{"related_by_rel_types":["m.reference"]}"""));
    }

    [Fact]
    public async Task may_be_stored_ones()
    {
        const string stored = """{"room":{"timeline":{"types":["org.*"]},"state":{"types":[]}}}""";
        var id = (await _ada.PostAsync($"user/{_ada.UserId}/filter", stored)).Ok().Text("filter_id");
        Assert.Equal([_other], await MessagesAsync(id));
        var all = (await _ada.PostAsync($"user/{_ada.UserId}/filter", """{"presence":{}}""")).Ok().Text("filter_id");
        Assert.Equal(10, (await MessagesAsync(all)).Count());
        (await _ada.GetAsync($"rooms/{_room}/messages?dir=b&filter=nothing")).Refused(400, "M_INVALID_PARAM");
    }

    [Theory]
    [InlineData("""{"types":7}""")]
    [InlineData("""{"related_by_senders":7}""")]
    [InlineData("""{"related_by_rel_types":[7]}""")]
    [InlineData("""{"limit":"x"}""")]
    [InlineData("""{""")]
    public async Task of_another_shape_are_refused(string filter)
    {
        var query = Uri.EscapeDataString(filter);
        (await _ada.GetAsync($"rooms/{_room}/messages?dir=b&filter={query}")).Refused(400, "M_INVALID_PARAM");
        (await _ada.GetAsync($"rooms/{_room}/context/{_first}?filter={query}")).Refused(400, "M_INVALID_PARAM");
    }

    private Task<string> RelateAsync(TestUser user, string parent, string type) => user.SendAsync(
        _room,
        "m.room.message",
        $$$"""{"msgtype":"m.text","body":"b","m.relates_to":{"rel_type":"{{{type}}}","event_id":"{{{parent}}}"} }""");

    private async Task<JsonElement> PageAsync(string filter) =>
        (await _ada.GetAsync($"rooms/{_room}/messages?dir=b&filter={Uri.EscapeDataString(filter)}")).Ok();

    private async Task<IEnumerable<string>> MessagesAsync(string filter) => Ids((await PageAsync(filter)).GetProperty("chunk"));

    private async Task<JsonElement> ContextAsync(string eventId, string filter) =>
        (await _ada.GetAsync($"rooms/{_room}/context/{eventId}?filter={Uri.EscapeDataString(filter)}")).Ok();

    private static IEnumerable<string> Ids(JsonElement events) => events.EnumerateArray().Select(stored => stored.Text("event_id"));

    private static IEnumerable<string> Members(JsonElement state) => state.EnumerateArray()
        .Where(stored => stored.Text("type") == "m.room.member").Select(stored => stored.Text("state_key")).Order();
}
