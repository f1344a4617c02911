using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol.Errors;
using static Matrix.EventSourced.Commands.Tests.UserApi.UserApiWorld;

namespace Matrix.EventSourced.Commands.Tests.UserApi;

public class Sessions
{
    [Fact]
    public async Task registration_opens_a_session_and_keeps_only_hashes()
    {
        var world = new UserApiWorld();

        var session = Done(await world.RegisterAsync());

        Assert.Equal("DEV", session.DeviceId);
        var token = Assert.Single((await world.CredentialsAsync()).Tokens);
        Assert.Equal(AccessTokens.Hash(session.AccessToken!), token.TokenSha256);
        Assert.NotEqual(session.AccessToken, token.TokenSha256);
        Assert.Equal(["DEV"], (await world.AccountAsync()).Devices.Keys);
    }

    [Fact]
    public async Task registration_without_login_has_neither_device_nor_token()
    {
        var world = new UserApiWorld();
        var session = Done(await world.RegisterAsync(inhibitLogin: true));
        Assert.Null(session.AccessToken);
        Assert.Null(session.DeviceId);
        Assert.Empty((await world.CredentialsAsync()).Tokens);
        Assert.Empty((await world.AccountAsync()).Devices);
    }

    [Fact]
    public async Task a_name_is_given_once()
    {
        var world = new UserApiWorld();
        Done(await world.RegisterAsync());
        Assert.Equal(ErrCodes.UserInUse, Refusal(await world.RegisterAsync()));
        // Another process, which has nothing cached.
        Assert.Equal(ErrCodes.UserInUse, Refusal(await new UserApiWorld(world.Log).RegisterAsync()));
    }

    [Fact]
    public async Task of_many_registrations_of_one_name_one_succeeds()
    {
        var world = new UserApiWorld();
        var results = await Task.WhenAll(Enumerable.Range(0, 16).Select(i => world.RegisterAsync(deviceId: $"D{i}")));
        var session = Assert.Single(results.OfType<CommandResult<OpenedSession>.Done>()).Value;
        Assert.Equal([session.DeviceId!], (await world.AccountAsync()).Devices.Keys);
    }

    [Fact]
    public async Task a_registration_that_broke_off_leaves_the_name_free()
    {
        var world = new UserApiWorld();
        await world.Appender.AppendAsync(
            UserStreams.Account(Alice),
            EventStore.ExpectedRevision.NoStream,
            [new AccountRegistered(Alice, AccountKind.User, IsAdmin: true), new DeviceCreated(Alice, "LOST", null)],
            world.Context);

        Done(await world.RegisterAsync());

        var account = await world.AccountAsync();
        Assert.False(account.IsAdmin);
        Assert.Equal(["DEV"], account.Devices.Keys);
    }

    [Fact]
    public async Task the_credentials_stream_keeps_only_its_last_record()
    {
        var world = new UserApiWorld();
        Done(await world.RegisterAsync());
        Done(await world.LogInAsync());
        Done(await world.LogInAsync());
        Assert.Single(await world.FactsAsync(UserStreams.Credentials(Alice)));
    }

    [Fact]
    public async Task weak_and_huge_passwords_are_refused()
    {
        var world = new UserApiWorld();
        Assert.Equal(ErrCodes.WeakPassword, Refusal(await world.RegisterAsync(password: "")));
        Assert.Equal(ErrCodes.InvalidParam, Refusal(await world.RegisterAsync(password: new string('x', 513))));
        Assert.Empty(await world.FactsAsync(UserStreams.Account(Alice)));
    }

    [Fact]
    public async Task login_makes_a_device_or_reuses_one()
    {
        var world = new UserApiWorld();
        var first = Done(await world.RegisterAsync());

        var second = Done(await world.LogInAsync());
        Assert.Equal(2, (await world.AccountAsync()).Devices.Count);
        Assert.NotEqual(first.DeviceId, second.DeviceId);

        var again = Done(await world.LogInAsync(deviceId: "DEV"));
        Assert.Equal("DEV", again.DeviceId);
        Assert.Equal("phone", (await world.AccountAsync()).Devices["DEV"]);
        var hashes = (await world.CredentialsAsync()).Tokens.Select(token => token.TokenSha256).ToList();
        Assert.DoesNotContain(AccessTokens.Hash(first.AccessToken!), hashes);
        Assert.Contains(AccessTokens.Hash(again.AccessToken!), hashes);
    }

    [Fact]
    public async Task login_refuses_wrong_passwords_and_unknown_users_alike()
    {
        var world = new UserApiWorld();
        var unknown = await world.LogInAsync();
        Done(await world.RegisterAsync());
        var wrong = await world.LogInAsync("wrong");
        Assert.Equal(unknown, wrong);
        Assert.Equal(ErrCodes.Forbidden, Refusal(wrong));
    }

    [Fact]
    public async Task a_user_may_log_in_many_times_at_once()
    {
        var world = new UserApiWorld();
        Done(await world.RegisterAsync());
        var sessions = await Task.WhenAll(Enumerable.Range(0, 32).Select(_ => world.LogInAsync()));
        Assert.All(sessions, session => Done(session));
        Assert.Equal(33, (await world.CredentialsAsync()).Tokens.Length);
        Assert.Equal(33, (await world.AccountAsync()).Devices.Count);
    }

    [Fact]
    public async Task two_processes_may_write_the_same_user()
    {
        var here = new UserApiWorld();
        Done(await here.RegisterAsync());
        var there = new UserApiWorld(here.Log);
        for (var i = 0; i < 5; i++)
        {
            Done(await there.LogInAsync(deviceId: $"T{i}"));
            Done(await here.LogInAsync(deviceId: $"H{i}"));
        }
        Assert.Equal(11, (await there.CredentialsAsync()).Tokens.Length);
    }

    [Fact]
    public async Task a_password_changed_elsewhere_counts_at_once()
    {
        var here = new UserApiWorld();
        Done(await here.RegisterAsync());
        Done(await new UserApiWorld(here.Log).ChangePasswordAsync("new", endsOthers: false, ownDevice: null));
        Assert.Equal(ErrCodes.Forbidden, Refusal(await here.LogInAsync("secret")));
        Done(await here.LogInAsync("new"));
    }

    [Fact]
    public async Task logout_ends_the_token_and_the_device()
    {
        var world = new UserApiWorld();
        Done(await world.RegisterAsync());
        Done(await world.LogInAsync(deviceId: "OTHER"));

        Done(await world.EndAsync("DEV"));

        Assert.Equal(["OTHER"], (await world.AccountAsync()).Devices.Keys);
        Assert.Equal(["OTHER"], (await world.CredentialsAsync()).Tokens.Select(token => token.DeviceId));
        Done(await world.EndAsync("DEV"));
        Done(await world.EndAsync(null));
        Assert.Empty((await world.AccountAsync()).Devices);
        Assert.Empty((await world.CredentialsAsync()).Tokens);
    }

    [Fact]
    public async Task changing_the_password_ends_the_other_sessions()
    {
        var world = new UserApiWorld();
        Done(await world.RegisterAsync());
        Done(await world.LogInAsync(deviceId: "OTHER"));

        Done(await world.ChangePasswordAsync("better", endsOthers: true, ownDevice: "OTHER"));

        Assert.Equal(["OTHER"], (await world.AccountAsync()).Devices.Keys);
        Assert.Equal(["OTHER"], (await world.CredentialsAsync()).Tokens.Select(token => token.DeviceId));
        Assert.Equal(ErrCodes.Forbidden, Refusal(await world.LogInAsync("secret")));
        Done(await world.LogInAsync("better"));
    }

    [Fact]
    public async Task a_closed_account_lets_nobody_in_and_keeps_its_name()
    {
        var world = new UserApiWorld();
        Done(await world.RegisterAsync());
        Done(await world.DeactivateAsync());
        Assert.Equal(ErrCodes.UserDeactivated, Refusal(await world.LogInAsync()));
        Assert.Equal(ErrCodes.UserInUse, Refusal(await world.RegisterAsync()));
        Assert.Empty((await world.AccountAsync()).Devices);
        Done(await world.DeactivateAsync());
    }

    [Fact]
    public async Task every_record_says_who_caused_it()
    {
        var world = new UserApiWorld();
        Done(await world.RegisterAsync());
        await foreach (var record in world.Log.ReadAllAsync(null, EventStore.ReadDirection.Backwards, 10))
        {
            var metadata = Facts.FactCodec.DecodeMetadata(record.Metadata);
            Assert.Equal("request-1", metadata.Correlation);
            Assert.Equal(1_000_000, metadata.ReceivedAtMs);
        }
    }
}
