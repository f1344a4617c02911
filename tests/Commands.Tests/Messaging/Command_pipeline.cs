using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Tests.UserApi;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.Tests.Messaging;

public class Command_pipeline
{
    private static readonly UserId Alice = UserId.Parse("@alice:hs");
    private static readonly CommandContext Context = new(FactActor.Self, 1, "c");

    [Fact]
    public async Task a_failed_rule_is_a_refusal_with_its_errcode()
    {
        var large = RawJson.FromText(new string(' ', Limits.AccountDataBytesMax + 1));
        var refused = await RunAsync(
            new SetAccountDataValidator(), new SetAccountData(Context, Alice, null, "t", large));
        Assert.Equal(ErrCodes.TooLarge, refused?.ErrCode);
        Assert.Equal(413, refused?.Status);

        refused = await RunAsync(
            new SetAccountDataValidator(
                ), new SetAccountData(Context, Alice, null, new string('t', 256), RawJson.FromText("{}")));
        Assert.Equal(ErrCodes.InvalidParam, refused?.ErrCode);
        Assert.Equal(400, refused?.Status);
    }

    [Fact]
    public async Task a_good_command_reaches_its_handler() => Assert.Null(await RunAsync(
        new SetAccountDataValidator(), new SetAccountData(Context, Alice, null, "t", RawJson.FromText("{}"))));

    [Theory]
    [InlineData("")]
    [InlineData("a\u0001b")]
    public void device_ids_have_a_shape(string deviceId) => Assert.False(new LogInValidator().Validate(
        new LogIn(Context, Alice, "p", deviceId, null)).IsValid);

    [Fact]
    public void device_ids_and_names_have_a_size()
    {
        var validator = new LogInValidator();
        Assert.True(
            validator.Validate(new LogIn(Context, Alice, "p", new string('d', 255), new string('n', 1024))).IsValid);
        Assert.False(validator.Validate(new LogIn(Context, Alice, "p", new string('d', 256), null)).IsValid);
        Assert.False(validator.Validate(new LogIn(Context, Alice, "p", null, new string('n', 1025))).IsValid);
        Assert.False(validator.Validate(new LogIn(Context, Alice, "p", null, "a\0b")).IsValid);
    }

    [Theory]
    [InlineData("m.push_rules")]
    [InlineData("m.fully_read")]
    public async Task account_data_of_the_server_cannot_be_set(string type)
    {
        var handler = new SetAccountDataHandler(new UserApiWorld().Appender);
        foreach (var room in new RoomId?[] { null, RoomId.Parse("!r:hs") })
        {
            var answer = await handler.Handle(
                new SetAccountData(Context, Alice, room, type, RawJson.FromText("{}")), CancellationToken.None);
            var error = Assert.IsType<CommandResult<Unit>.Refused>(answer).Error;
            Assert.Equal((405, ErrCodes.BadJson), (error.Status, error.ErrCode));
        }
    }

    [Fact]
    public async Task account_data_is_kept_verbatim()
    {
        var world = new UserApiWorld();
        var content = RawJson.FromText("""{ "b":1.50,  "a":"\u00e9" }""");
        var answer = await new SetAccountDataHandler(world.Appender).Handle(
            new SetAccountData(Context, Alice, null, "t", content), CancellationToken.None);
        Assert.True(UserApiWorld.Done(answer) == Unit.Value);
        var fact = Assert.IsType<AccountDataSet>(Assert.Single(await world.FactsAsync(UserStreams.AccountData(Alice))));
        Assert.Equal(content, fact.Content);
    }

    [Fact]
    public async Task a_changed_name_is_carried_on_once()
    {
        var world = new UserApiWorld();
        UserApiWorld.Done(await world.RegisterAsync());
        var propagation = new CountingPropagation();
        var handler = new SetProfileFieldHandler(world.Accounts, [propagation]);
        var set = new SetProfileField(Context, Alice, "displayname", RawJson.FromText("\"A\""));

        await handler.Handle(set, CancellationToken.None);
        await handler.Handle(set, CancellationToken.None);
        await handler.Handle(set with { Field = "m.tz" }, CancellationToken.None);

        Assert.Equal(1, propagation.Calls);
    }

    private static async Task<MatrixError?> RunAsync<T>(AbstractValidator<T> validator, T command)
        where T : IRequest<CommandResult<Unit>>
    {
        var behaviour = new ValidationBehaviour<T, CommandResult<Unit>>([validator]);
        var answer = await behaviour.Handle(
            command,
            CancellationToken.None,
            () => Task.FromResult<CommandResult<Unit>>(new CommandResult<Unit>.Done(Unit.Value, LogPosition.Start)));
        return answer is CommandResult<Unit>.Refused refused ? refused.Error : null;
    }

    private sealed class CountingPropagation : IProfilePropagation
    {
        public int Calls { get; private set; }

        public ValueTask PropagateAsync(UserId user, CommandContext context)
        {
            Calls++;
            return default;
        }
    }
}
