using System.Collections.Concurrent;
using System.Text;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Matrix.EventSourced.Api.Tests.Federation;

/// <summary>A user of one server asks several others to be let into a room.</summary>
public sealed class Joining_through_several_servers : IAsyncLifetime
{
    private static readonly FederationAnswer Away = new FederationAnswer.Unreachable("nobody is there");

    private readonly FakeTimeProvider _time = new(DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_000));
    private readonly Interception _wire = new();
    private readonly ConcurrentDictionary<(string Server, string What), TaskCompletionSource> _seen = new();
    private TestHomeserver _resident = null!;
    private TestHomeserver _ours = null!;
    private TestUser _alice = null!;
    private TestUser _bob = null!;
    private string _room = null!;

    public async Task InitializeAsync()
    {
        _resident = await FederatingServers.StartAsync(null, _time);
        _ours = await FederatingServers.StartAsync(_wire, _time);
        _alice = await _resident.RegisterAsync("alice");
        _bob = await _ours.RegisterAsync("bob");
        _room = await _alice.CreateRoomAsync("""{"preset":"public_chat","room_version":"12"}""");
    }

    public async Task DisposeAsync()
    {
        await _ours.DisposeAsync();
        await _resident.DisposeAsync();
    }

    [Fact]
    public async Task silent_server_holds_nobody_up()
    {
        var givenUp = new TaskCompletionSource();
        Answer("make_join", async (server, gone) => server == "slow.example" ? await SilenceAsync(givenUp, gone) : null);
        var join = JoinAsync("slow.example", Name(_resident));
        await Seen("slow.example", "make_join");
        Assert.False(Seen(Name(_resident), "make_join").IsCompleted);
        PassTimeUntil(Seen(Name(_resident), "make_join"));

        (await join).Ok();
        await givenUp.Task;
        Assert.False(Seen("slow.example", "send_join").IsCompleted);
    }

    [Fact]
    public async Task server_that_fails_costs_no_time()
    {
        Answer("make_join", (server, _) => Task.FromResult(server == Name(_resident) ? null : Away));

        (await JoinAsync("one.example", "two.example", Name(_resident))).Ok();
    }

    [Fact]
    public async Task late_answer_still_lets_the_user_in_when_the_next_server_does_not()
    {
        var late = new TaskCompletionSource<FederationAnswer?>();
        Answer("make_join", (server, _) => server == Name(_resident)
            ? late.Task
            : Task.FromResult<FederationAnswer?>(Error(404, ErrCodes.NotFound, "What room?")));
        var join = JoinAsync(Name(_resident), "other.example");
        await Seen(Name(_resident), "make_join");
        PassTimeUntil(Seen("other.example", "make_join"));
        late.SetResult(null);

        (await join).Ok();
    }

    [Fact]
    public async Task join_that_one_server_does_not_take_goes_to_the_next()
    {
        await using var third = await FederatingServers.StartAsync(null, _time);
        var carol = await third.RegisterAsync("carol");
        (await carol.PostAsync($"join/{Uri.EscapeDataString(_room)}?via={Name(_resident)}")).Ok();
        Answer("send_join", (server, _) => Task.FromResult<FederationAnswer?>(server == Name(_resident)
            ? new FederationAnswer.TimedOut(FederationLimits.RoomTimeout)
            : null));

        (await JoinAsync(Name(_resident), Name(third))).Ok();
        var sent = await _bob.SendTextAsync(_room, "I am in");
        await carol.SeesAsync(_room, sent);
    }

    [Fact]
    public async Task client_hears_the_most_telling_answer()
    {
        Answer("make_join", (server, _) => Task.FromResult<FederationAnswer?>(server switch
        {
            "one.example" => Away,
            "two.example" => Error(404, ErrCodes.NotFound, "What room?"),
            "three.example" => Error(400, ErrCodes.UnableToGrantJoin, "Not I."),
            "four.example" => Error(403, ErrCodes.Forbidden, "You are banned."),
            _ => Error(404, ErrCodes.NotFound, "No room."),
        }));
        var reply = await JoinAsync("one.example", "two.example", "three.example", "four.example", "five.example");
        var unknown = await JoinAsync("one.example", "five.example", "two.example");

        reply.Refused(403, ErrCodes.Forbidden);
        Assert.Equal("You are banned.", reply.Json.Text("error"));
        unknown.Refused(404, ErrCodes.NotFound);
        Assert.Equal("No room.", unknown.Json.Text("error"));
    }

    [Fact]
    public async Task only_so_many_servers_are_tried()
    {
        Answer("make_join", (_, _) => Task.FromResult<FederationAnswer?>(Away));
        var reply = await JoinAsync([.. Enumerable.Range(0, 12).Select(i => $"s{i}.example")]);

        Assert.Equal(502, reply.Status);
        Assert.Equal(8, _wire.Requests.Count(request => request.Uri.Contains("make_join", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task two_requests_at_once_are_one_join()
    {
        var release = new TaskCompletionSource<FederationAnswer?>();
        Answer("make_join", (_, _) => release.Task);
        var one = JoinAsync(Name(_resident));
        await Seen(Name(_resident), "make_join");
        var two = JoinAsync(Name(_resident));
        // The second one is most likely under way by then; whether or not, there is one join.
        (await _bob.GetAsync("account/whoami")).Ok();
        release.SetResult(null);

        (await one).Ok();
        (await two).Ok();
        Assert.Single(await JoinsAsync());
    }

    [Fact]
    public async Task knock_goes_the_same_way()
    {
        await _alice.SetStateAsync(_room, "m.room.join_rules", "", """{"join_rule":"knock"}""");
        Answer("make_knock", (server, _) => Task.FromResult<FederationAnswer?>(server == Name(_resident) ? null : Away));
        (await _bob.PostAsync(
            $"knock/{Uri.EscapeDataString(_room)}?via=one.example&via={Name(_resident)}")).Ok();
        var member = (await _alice.StateAsync(_room))[$"m.room.member|{_bob.UserId}"];

        Assert.NotNull(member);
        Answer("make_leave", (server, _) => Task.FromResult<FederationAnswer?>(null));
        (await _bob.PostAsync($"rooms/{Uri.EscapeDataString(_room)}/leave")).Ok();
        Assert.NotEqual(member, (await _alice.StateAsync(_room))[$"m.room.member|{_bob.UserId}"]);
    }

    private Task<Reply> JoinAsync(params string[] via) => _bob.PostAsync(
        $"join/{Uri.EscapeDataString(_room)}?{string.Join('&', via.Select(name => $"via={Uri.EscapeDataString(name)}"))}");

    private async Task<List<string>> JoinsAsync() =>
    [
        .. (await _alice.GetAsync($"rooms/{Uri.EscapeDataString(_room)}/messages?dir=b&limit=100")).Ok()
            .GetProperty("chunk").EnumerateArray()
            .Where(pdu => pdu.Text("type") == "m.room.member" && pdu.Text("state_key") == _bob.UserId)
            .Select(pdu => pdu.Text("event_id")),
    ];

    /// <summary>Answers requests to an endpoint in other servers' place; null sends them.</summary>
    private void Answer(string endpoint, Func<string, CancellationToken, Task<FederationAnswer?>> answer) =>
        _wire.Answer = (request, gone) =>
        {
            var what = request.Uri.Split('/')[4];
            _seen.GetOrAdd((request.Destination.Value, what), _ => new TaskCompletionSource()).TrySetResult();
            return what == endpoint ? answer(request.Destination.Value, gone) : Task.FromResult<FederationAnswer?>(null);
        };

    private Task Seen(string server, string endpoint) =>
        _seen.GetOrAdd((server, endpoint), _ => new TaskCompletionSource()).Task;

    /// <summary>Lets the server's clock run until something happens, and no further.</summary>
    private void PassTimeUntil(Task something)
    {
        while (!something.IsCompleted)
        {
            _time.Advance(TimeSpan.FromMilliseconds(1));
            Thread.Yield();
        }
    }

    private static async Task<FederationAnswer?> SilenceAsync(TaskCompletionSource givenUp, CancellationToken gone)
    {
        await using var registration = gone.Register(() => givenUp.TrySetResult());
        await givenUp.Task;
        gone.ThrowIfCancellationRequested();
        return null;
    }

    private static FederationAnswer Error(int status, string errCode, string message) => new FederationAnswer.Answered(
        status, Encoding.UTF8.GetBytes($$"""{"errcode":"{{errCode}}","error":"{{message}}"}"""));

    private static string Name(TestHomeserver server) =>
        server.Services.GetRequiredService<ServerIdentity>().Name.Value;
}
