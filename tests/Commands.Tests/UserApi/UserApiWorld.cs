using System.Collections.Concurrent;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.Commands.UserApi.Credentials;
using Matrix.EventSourced.Commands.UserApi.Passwords;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.EventStore.InMemory;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;
using Microsoft.Extensions.Time.Testing;

namespace Matrix.EventSourced.Commands.Tests.UserApi;

/// <summary>The UserAPI's write side over an in-memory log, without a container.</summary>
internal sealed class UserApiWorld
{
    public static readonly ServerName Server = ServerName.Parse("hs");
    public static readonly UserId Alice = UserId.Parse("@alice:hs");

    public UserApiWorld(InMemoryEventStore? log = null)
    {
        Time = new FakeTimeProvider(DateTimeOffset.FromUnixTimeMilliseconds(1_000_000));
        Log = log ?? new InMemoryEventStore(Time);
        Appender = new FactAppender(Log, Random);
        Accounts = new AggregateStore<AccountState>(Log, Appender);
        Credentials = new AggregateStore<CredentialsState>(Log, Appender);
        Passwords = new PasswordCheck(Credentials, new PlainHasher());
    }

    public FakeTimeProvider Time { get; }

    public InMemoryEventStore Log { get; }

    public CountingRandom Random { get; } = new();

    public FactAppender Appender { get; }

    public AggregateStore<AccountState> Accounts { get; }

    public AggregateStore<CredentialsState> Credentials { get; }

    public PasswordCheck Passwords { get; }

    public SessionTokens Tokens => new(Random, new SessionLifetimes(TimeSpan.FromHours(1), null));

    public CommandContext Context => new(FactActor.Self, Time.GetUtcNow().ToUnixTimeMilliseconds(), "request-1");

    public RegistrationsUnderWay UnderWay { get; } = new();

    private static readonly NoLists Lists = new();

    public Task<CommandResult<OpenedSession>> RegisterAsync(
        string localpart = "alice", string? password = "secret", string? deviceId = "DEV", bool isAdmin = false, bool inhibitLogin = false)
    {
        var handler = new RegisterAccountHandler(Accounts, Credentials, Passwords, UnderWay, Log, Tokens, Random);
        return handler.Handle(
            new RegisterAccount(
                Context, UserId.Parse(
                    $"@{localpart}:hs"), AccountKind.User, isAdmin, password, deviceId, "phone", inhibitLogin),
            CancellationToken.None);
    }

    public Task<CommandResult<OpenedSession>> LogInAsync(string password = "secret", string? deviceId = null) =>
        new LogInHandler(new SessionOpening(Accounts, Credentials, Tokens, Random, Lists), Passwords).Handle(
            new LogIn(Context, Alice, password, deviceId, "laptop"), CancellationToken.None);

    public Task<CommandResult<Unit>> EndAsync(params string[]? deviceIds) =>
        new EndSessionsHandler(
            Accounts, Credentials, Lists).Handle(new EndSessions(Context, Alice, deviceIds), CancellationToken.None);

    public Task<CommandResult<Unit>> ChangePasswordAsync(string password, bool endsOthers, string? ownDevice) =>
        new ChangePasswordHandler(Accounts, Credentials, Passwords, Lists).Handle(
            new ChangePassword(Context, Alice, password, endsOthers, ownDevice), CancellationToken.None);

    public Task<CommandResult<Unit>> DeactivateAsync() =>
        new DeactivateAccountHandler(
            Accounts, Credentials, Lists, []).Handle(new DeactivateAccount(Context, Alice), CancellationToken.None);

    public async Task<AccountState> AccountAsync() => (await Accounts.LoadAsync(UserStreams.Account(Alice))).State;

    public async Task<CredentialsState> CredentialsAsync() =>
        (await Credentials.LoadAsync(UserStreams.Credentials(Alice))).State;

    public async Task<List<IFact>> FactsAsync(StreamName stream)
    {
        var facts = new List<IFact>();
        await foreach (var record in Log.ReadStreamAsync(stream, null, ReadDirection.Forwards, long.MaxValue))
            facts.Add(FactCodec.Decode(record.Type, record.Data));
        return facts;
    }

    public static T Done<T>(CommandResult<T> result) => Assert.IsType<CommandResult<T>.Done>(result).Value;

    public static string Refusal<T>(CommandResult<T> result) =>
        Assert.IsType<CommandResult<T>.Refused>(result).Error.ErrCode;

    /// <summary>Nobody is told of devices here.</summary>
    private sealed class NoLists : IDeviceLists
    {
        public ValueTask<MatrixError?> FindProblemAsync(UserId user, string deviceId) => default;

        public ValueTask ListedAsync(UserId user, string deviceId, string? name, CommandContext context) => default;

        public ValueTask RemovingAsync(
            UserId user, IReadOnlyCollection<string> deviceIds, CommandContext context) => default;
    }

    /// <summary>No work, and as readable as it gets.</summary>
    private sealed class PlainHasher : IPasswordHasher
    {
        public ValueTask<string?> HashAsync(string password) => ValueTask.FromResult<string?>("hash of " + password);

        public ValueTask<bool?> VerifyAsync(string password, string? hash) =>
            ValueTask.FromResult<bool?>(hash == "hash of " + password);
    }
}

/// <summary>The same bytes in every run, never the same twice.</summary>
internal sealed class CountingRandom : IRandom
{
    private long _next;

    public void Fill(Span<byte> destination)
    {
        var seed = Interlocked.Increment(ref _next);
        System.Security.Cryptography.Shake128.HashData(BitConverter.GetBytes(seed), destination);
    }
}
