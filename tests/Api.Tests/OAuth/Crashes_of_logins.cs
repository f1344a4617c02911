using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Commands.UserApi.Credentials;
using Matrix.EventSourced.Commands.UserApi.OAuth;
using Matrix.EventSourced.Commands.UserApi.Passwords;
using Matrix.EventSourced.Commands.UserApi.Upstream;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.EventStore.InMemory;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Matrix.EventSourced.Api.Tests.OAuth;

/// <summary>Logins that write two streams, over what a crash between the two left.</summary>
public sealed class Crashes_of_logins
{
    private static readonly UserId Alice = UserId.Parse("@alice:hs");
    private static readonly UpstreamLink Link = new("example", "248289");
    private const string Verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    private readonly FakeTimeProvider _time = new(DateTimeOffset.FromUnixTimeMilliseconds(1_000_000));
    private readonly InMemoryEventStore _log;
    private readonly IServiceProvider _services;

    public Crashes_of_logins()
    {
        _log = new InMemoryEventStore(_time);
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddSingleton<TimeProvider>(_time);
        services.AddSingleton<IRandom, SystemRandom>();
        services.AddSingleton<IEventStore>(_log);
        services.AddSingleton<IEventAppender>(_log);
        services.AddSingleton<IEventReader>(_log);
        services.AddSingleton(new PasswordHashing(8, 1, 1));
        services.AddSingleton(new RegistrationPolicy(RegistrationOpenness.Open, [], GuestsAllowed: false, null));
        services.AddSingleton(new SessionLifetimes(TimeSpan.FromHours(1), null));
        services.AddSingleton<IDeviceLists, NoLists>();
        services.AddUserApiCommands();
        _services = services.BuildServiceProvider();
    }

    [Fact]
    public async Task an_account_that_was_only_meant_is_made_by_the_next_login()
    {
        await IntendAsync(Alice);

        Assert.Null(await _services.GetRequiredService<UpstreamAccounts>().FindAsync(Link));
        Assert.Equal(Alice, await LogInAsync(wanted: null));
        Assert.Equal(Alice, await _services.GetRequiredService<UpstreamAccounts>().FindAsync(Link));
    }

    [Fact]
    public async Task an_account_that_somebody_else_made_meanwhile_is_theirs()
    {
        await IntendAsync(Alice);
        await SendAsync(new RegisterAccount(
            Context, Alice, AccountKind.User, IsAdmin: false, "secret", null, null, InhibitLogin: true));

        Assert.Null(await _services.GetRequiredService<UpstreamAccounts>().FindAsync(Link));
        Assert.Equal(ErrCodes.MissingParam, (await RefusedAsync(wanted: null)).ErrCode);
        Assert.Equal(ErrCodes.UserInUse, (await RefusedAsync(Alice)).ErrCode);
        var other = UserId.Parse("@alice2:hs");
        Assert.Equal(other, await LogInAsync(other));
        Assert.Equal(other, await LogInAsync(Alice));
    }

    [Fact]
    public async Task a_link_to_an_existing_account_that_was_only_meant_is_made_again()
    {
        await SendAsync(new RegisterAccount(
            Context, Alice, AccountKind.User, IsAdmin: false, "secret", null, null, InhibitLogin: true));
        await IntendAsync(Alice);

        Assert.Equal(Alice, await LogInAsync(Alice, takesExisting: true));
        var credentials = (await _services.GetRequiredService<AggregateStore<CredentialsState>>()
            .LoadAsync(UserStreams.Credentials(Alice))).State;
        Assert.NotNull(credentials.PasswordHash);
        Assert.Equal(Link, Assert.Single(credentials.UpstreamLinks));
    }

    [Fact]
    public async Task a_guest_is_nobody_elses()
    {
        await SendAsync(new RegisterAccount(
            Context, Alice, AccountKind.Guest, IsAdmin: false, null, null, null, InhibitLogin: false));

        var result = await _services.GetRequiredService<IMediator>().Send(
            new LogInUpstream(Context, Link, Alice, TakesExisting: true, Registers: true));
        Assert.Equal(ErrCodes.UserInUse, ((CommandResult<UserId>.Refused)result).Error.ErrCode);
    }

    [Fact]
    public async Task a_code_that_was_used_up_before_a_crash_opens_nothing()
    {
        await SendAsync(new RegisterAccount(
            Context, Alice, AccountKind.User, IsAdmin: false, "secret", null, null, InhibitLogin: true));
        var clientId = await SendAsync(new RegisterOAuthClient(
            Context, new ClientMetadata { ClientUri = "https://example.com/", RedirectUris = ["https://example.com/"] }));
        Assert.Null(OAuthScope.TryRead("urn:matrix:client:api:* urn:matrix:client:device:DEVICE", out var scope));
        var challenge = System.Buffers.Text.Base64Url.EncodeToString(
            System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.ASCII.GetBytes(Verifier)));
        var code = await SendAsync(
            new IssueAuthorizationCode(Context, Alice, clientId, scope, "https://example.com/", challenge));
        var redeem = new RedeemAuthorizationCode(Context, code, clientId, "https://example.com/", Verifier);
        // As far as a redemption came before the process died.
        await AppendAsync(OAuthStreams.Code(AccessTokens.Hash(code)), new OAuthCodeRedeemed("grant"), ExpectedRevision.Exactly(0));

        var result = await _services.GetRequiredService<IMediator>().Send(redeem);

        Assert.Equal("invalid_grant", ((CommandResult<OAuthSession>.Refused)result).Error.ErrCode);
        var credentials = (await _services.GetRequiredService<AggregateStore<CredentialsState>>()
            .LoadAsync(UserStreams.Credentials(Alice))).State;
        Assert.Empty(credentials.Tokens);
    }

    private CommandContext Context => new(FactActor.Self, _time.GetUtcNow().ToUnixTimeMilliseconds(), "request-1");

    private Task IntendAsync(UserId userId) => AppendAsync(
        UpstreamAccounts.StreamOf(Link),
        new UpstreamLinked(Link.ProviderId, Link.Subject, userId),
        ExpectedRevision.NoStream);

    private async Task AppendAsync(StreamName stream, IFact fact, ExpectedRevision expected) =>
        Assert.IsType<AppendResult.Appended>(await _services.GetRequiredService<FactAppender>().AppendAsync(
            stream, expected, [fact], Context));

    private async Task<T> SendAsync<T>(ICommand<T> command) => Assert.IsType<CommandResult<T>.Done>(
        await _services.GetRequiredService<IMediator>().Send(command)).Value;

    private Task<UserId> LogInAsync(UserId? wanted, bool takesExisting = false) =>
        SendAsync(new LogInUpstream(Context, Link, wanted, takesExisting, Registers: true));

    private async Task<MatrixError> RefusedAsync(UserId? wanted) =>
        Assert.IsType<CommandResult<UserId>.Refused>(await _services.GetRequiredService<IMediator>().Send(
            new LogInUpstream(Context, Link, wanted, TakesExisting: false, Registers: true))).Error;

    private sealed class NoLists : IDeviceLists
    {
        public ValueTask<MatrixError?> FindProblemAsync(UserId user, string deviceId) => default;

        public ValueTask ListedAsync(UserId userId, string deviceId, string? name, CommandContext context) => default;

        public ValueTask RemovingAsync(UserId userId, IReadOnlyCollection<string> deviceIds, CommandContext context) => default;
    }
}
