using System.Text.Json;
using Matrix.EventSourced.Commands.UserApi.InteractiveAuth;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Microsoft.Extensions.Time.Testing;

namespace Matrix.EventSourced.Commands.Tests.UserApi;

public class Interactive_authentication
{
    private const string Operation = "POST /register";

    private readonly FakeTimeProvider _time = new();
    private readonly InteractiveSessions _sessions;

    public Interactive_authentication() => _sessions = new InteractiveSessions(_time, new CountingRandom());

    [Fact]
    public async Task never_succeeds_without_auth()
    {
        var first = Challenge(await TryAsync("{}"));
        Assert.Null(first.Error);
        Assert.Empty(first.Completed);
        Challenge(await TryAsync("""{"auth":{}}"""));
        Challenge(await TryAsync("""{"auth":null}"""));
    }

    [Fact]
    public async Task succeeds_with_the_session_and_its_stage()
    {
        var session = Challenge(await TryAsync("""{"username":"a"}""")).SessionId;
        var done = Done(
            await TryAsync($$$"""{"username":"a","auth":{"type":"m.login.dummy","session":"{{{session}}}"}}"""));
        Assert.Equal("a", done.Parameters.GetProperty("username").GetString());
    }

    [Fact]
    public async Task takes_a_stage_without_a_session() =>
        Done(await TryAsync("""{"auth":{"type":"m.login.dummy"}}"""));

    [Fact]
    public async Task remembers_the_parameters()
    {
        var session = Challenge(await TryAsync("""{"username":"a"}""")).SessionId;
        var done = Done(await TryAsync($$$"""{"auth":{"type":"m.login.dummy","session":"{{{session}}}"}}"""));
        Assert.Equal("a", done.Parameters.GetProperty("username").GetString());
    }

    [Fact]
    public async Task binds_the_first_parameters_that_come()
    {
        var session = Challenge(await TryAsync("{}")).SessionId;
        var done = Done(
            await TryAsync($$$"""{"username":"b","auth":{"type":"m.login.dummy","session":"{{{session}}}"}}"""));
        Assert.Equal("b", done.Parameters.GetProperty("username").GetString());
    }

    [Fact]
    public async Task refuses_other_parameters_and_other_operations()
    {
        var session = Challenge(await TryAsync("""{"username":"a"}""")).SessionId;
        var auth = $$$"""{"type":"m.login.dummy","session":"{{{session}}}"}""";
        Refuses(ErrCodes.Forbidden, await TryAsync($$"""{"username":"b","auth":{{auth}}}"""));
        Refuses(ErrCodes.Forbidden, await TryAsync($$"""{"username":"a","auth":{{auth}}}""", operation: "POST /other"));
        Done(await TryAsync($$"""{ "username" : "a" , "auth":{{auth}}}"""));
    }

    [Fact]
    public async Task begins_anew_for_an_unknown_session()
    {
        var challenge = Challenge(await TryAsync("""{"auth":{"type":"m.login.dummy","session":"nobody's"}}"""));
        Assert.Equal(ErrCodes.Unknown, challenge.Error?.ErrCode);
        Done(await TryAsync($$$"""{"auth":{"type":"m.login.dummy","session":"{{{challenge.SessionId}}}"}}"""));
    }

    [Fact]
    public async Task forgets_a_session_after_its_lifetime()
    {
        var session = Challenge(await TryAsync("{}")).SessionId;
        _time.Advance(InteractiveSessions.Lifetime);
        var late = Challenge(await TryAsync($$$"""{"auth":{"type":"m.login.dummy","session":"{{{session}}}"}}"""));
        Assert.NotEqual(session, late.SessionId);
    }

    [Fact]
    public async Task forgets_the_oldest_session_when_there_are_too_many()
    {
        var session = Challenge(await TryAsync("{}")).SessionId;
        for (var i = 0; i < Limits.InteractiveSessionsMax; i++)
            await TryAsync("{}");
        Assert.NotNull(
            Challenge(await TryAsync($$$"""{"auth":{"type":"m.login.dummy","session":"{{{session}}}"}}""")).Error);
    }

    [Theory]
    [InlineData("""{"auth":[]}""")]
    [InlineData("""{"auth":{"session":1}}""")]
    [InlineData("""{"auth":{"type":{}}}""")]
    public async Task refuses_what_is_no_auth_object(string body) => Refuses(ErrCodes.BadJson, await TryAsync(body));

    [Fact]
    public async Task goes_through_the_stages_in_their_order()
    {
        var flows = new InteractiveFlows([["a", "b"], ["a", "c", "d"]]);
        var session = Challenge(await TryAsync("{}", flows)).SessionId;
        Assert.Equal(ErrCodes.Forbidden, Challenge(await StageAsync("b")).Error?.ErrCode);
        Assert.Equal(["a"], Challenge(await StageAsync("a")).Completed.AsEnumerable());
        // A completed stage cannot be tried again; it stays completed.
        Assert.Equal(["a"], Challenge(await StageAsync("a")).Completed.AsEnumerable());
        Assert.Equal(["a", "c"], Challenge(await StageAsync("c")).Completed.AsEnumerable());
        Assert.NotNull(Challenge(await StageAsync("b")).Error);
        Done(await StageAsync("d"));

        ValueTask<InteractiveOutcome> StageAsync(string stage) =>
            TryAsync($$$"""{"auth":{"type":"{{{stage}}}","session":"{{{session}}}"}}""", flows);
    }

    [Fact]
    public async Task says_why_a_stage_failed_and_lets_it_be_tried_again()
    {
        var session = Challenge(await TryAsync("{}")).SessionId;
        var body = $$$"""{"auth":{"type":"m.login.dummy","session":"{{{session}}}"}}""";
        var failed = Challenge(
            await TryAsync(body, check: (_, _) => new ValueTask<MatrixError?>(MatrixError.Forbidden("no"))));
        Assert.Equal(session, failed.SessionId);
        Assert.Equal("no", failed.Error?.Message);
        Done(await TryAsync(body));
    }

    [Fact]
    public async Task gives_the_first_answer_again()
    {
        var session = Challenge(await TryAsync("""{"username":"a"}""")).SessionId;
        var body = Parse($$$"""{"username":"a","auth":{"type":"m.login.dummy","session":"{{{session}}}"}}""");
        Assert.Null(_sessions.FindAnswer(Operation, body));
        Done(await TryAsync(body.GetRawText()));
        _sessions.Remember(session, "answer"u8.ToArray());

        var again = Assert.IsType<InteractiveOutcome.AnsweredBefore>(await TryAsync(body.GetRawText()));
        Assert.Equal("answer"u8.ToArray(), again.Answer.ToArray());
        Assert.Equal("answer"u8.ToArray(), _sessions.FindAnswer(Operation, body)?.ToArray());
        Assert.Null(_sessions.FindAnswer("POST /other", body));
        Assert.Null(
            _sessions.FindAnswer(Operation, Parse($$$"""{"username":"b","auth":{"session":"{{{session}}}"}}""")));
    }

    private ValueTask<InteractiveOutcome> TryAsync(
        string body, InteractiveFlows? flows = null, string operation = Operation, StageCheck? check = null) =>
        _sessions.AuthenticateAsync(
            operation,
            flows ?? InteractiveFlows.Of(InteractiveFlows.Dummy),
            Parse(body),
            check ?? ((_, _) => default));

    private static JsonElement Parse(string json) => JsonDocument.Parse(json).RootElement;

    private static InteractiveOutcome.Challenge Challenge(InteractiveOutcome outcome) =>
        Assert.IsType<InteractiveOutcome.Challenge>(outcome);

    private static InteractiveOutcome.Authenticated Done(InteractiveOutcome outcome) =>
        Assert.IsType<InteractiveOutcome.Authenticated>(outcome);

    private static void Refuses(string errCode, InteractiveOutcome outcome) =>
        Assert.Equal(errCode, Assert.IsType<InteractiveOutcome.Refused>(outcome).Error.ErrCode);
}
