using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.Commands.UserApi.Credentials;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>Makes an account, and a first session unless none is wanted.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #post_matrixclientv3register.
/// Shape: UserId passed <see cref="Usernames"/>; Password null makes an account that nobody can log in to by password
/// (guests).
/// Errors: M_USER_IN_USE; M_WEAK_PASSWORD, M_INVALID_PARAM, M_LIMIT_EXCEEDED.
/// </remarks>
public sealed record RegisterAccount(
    CommandContext Context,
    UserId UserId,
    AccountKind Kind,
    bool IsAdmin,
    string? Password,
    string? DeviceId,
    string? DeviceName,
    bool InhibitLogin) : ICommand<OpenedSession>
{
    /// <summary>The client can refresh its tokens.</summary>
    public bool IsRefreshable { get; init; }

    /// <summary>The application service that the account is registered by; null for people.</summary>
    public string? AppserviceId { get; init; }

    /// <summary>Who gets in through an identity provider; null for nobody.</summary>
    public UpstreamLink? Upstream { get; init; }
}

public sealed class RegisterAccountValidator : AbstractValidator<RegisterAccount>
{
    public RegisterAccountValidator()
    {
        RuleFor(command => command.DeviceId).IsDeviceId();
        RuleFor(command => command.DeviceName).IsDeviceName();
    }
}

/// <summary>
/// Two streams, in this order: <c>user-…</c> reserves the name and holds the device, then the first record of
/// <c>credentials-…</c> gives it to
/// whoever wrote it. A crash between the two leaves a name without credentials, which the next registration takes over.
/// </summary>
public sealed class RegisterAccountHandler(
    AggregateStore<AccountState> accounts,
    AggregateStore<CredentialsState> credentials,
    PasswordCheck passwords,
    RegistrationsUnderWay underWay,
    IEventAppender log,
    SessionTokens sessions,
    IRandom random) : IRequestHandler<RegisterAccount, CommandResult<OpenedSession>>
{
    private static readonly StreamMetadata OnlyLast = new(MaxCount: 1);

    public async Task<CommandResult<OpenedSession>> Handle(RegisterAccount command, CancellationToken cancellationToken)
    {
        if (!underWay.TryBegin(command.UserId))
            return AccountDecider.UserInUse;
        try
        {
            return await RegisterAsync(command, cancellationToken);
        }
        finally
        {
            underWay.End(command.UserId);
        }
    }

    private async ValueTask<CommandResult<OpenedSession>> RegisterAsync(
        RegisterAccount command, CancellationToken cancellationToken)
    {
        var userId = command.UserId;
        var credentialsStream = UserStreams.Credentials(userId);
        if ((await credentials.LoadAsync(credentialsStream, cancellationToken)).State.Exists)
            return AccountDecider.UserInUse;

        string? hash = null;
        if (command.Password is not null)
        {
            (hash, var error) = await passwords.HashAsync(command.Password);
            if (error is not null)
                return error;
        }

        var deviceId = command.InhibitLogin ? null : command.DeviceId ?? AccessTokens.CreateDeviceId(random);
        var tokens = deviceId is null
            ? null
            : sessions.Create(deviceId, command.Context.ReceivedAtMs, command.IsRefreshable);
        var reserved = await accounts.ExecuteAsync(
            UserStreams.Account(userId),
            state => AccountDecider.Register(
                state,
                new AccountRegistered(userId, command.Kind, command.IsAdmin, command.AppserviceId),
                deviceId is null ? null : new DeviceCreated(userId, deviceId, command.DeviceName),
                hasCredentials: false),
            command.Context,
            cancellationToken);
        if (reserved is Execution<AccountState>.Refused refusedName)
            return refusedName.Error;

        await log.SetStreamMetadataAsync(credentialsStream, OnlyLast, CancellationToken.None);
        var owned = await credentials.ExecuteAsync(
            credentialsStream,
            state => CredentialsDecider.Create(
                state,
                userId,
                hash,
                tokens?.Stored,
                command.Upstream),
            command.Context,
            CancellationToken.None);
        return owned switch
        {
            Execution<CredentialsState>.Done done =>
                new CommandResult<OpenedSession>.Done(new OpenedSession(userId, deviceId, tokens), done.Position),
            Execution<CredentialsState>.Refused refused => refused.Error,
            _ => throw new InvalidOperationException("An execution is done or refused."),
        };
    }
}
