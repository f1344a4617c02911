using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.Commands.UserApi.ClientConfig;
using Matrix.EventSourced.Commands.UserApi.Credentials;
using Matrix.EventSourced.Commands.UserApi.InteractiveAuth;
using Matrix.EventSourced.Commands.UserApi.OAuth;
using Matrix.EventSourced.Commands.UserApi.Passwords;
using Matrix.EventSourced.EventStore;
using MediatR;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>Registers the write side of the UserAPI.</summary>
/// <remarks>
/// Requires: IEventStore, IRandom, TimeProvider, <see cref="PasswordHashing"/>, <see cref="RegistrationPolicy"/>,
/// <see cref="SessionLifetimes"/> and <see cref="IPusherOwners"/> from the host.
/// </remarks>
public static class UserApiServices
{
    public static IServiceCollection AddUserApiCommands(this IServiceCollection services)
    {
        services.AddMessaging();
        services.AddSingleton(provider => new AggregateStore<AccountState>(
            provider.GetRequiredService<IEventStore>(), provider.GetRequiredService<FactAppender>()));
        services.AddSingleton(provider => new AggregateStore<CredentialsState>(
            provider.GetRequiredService<IEventStore>(), provider.GetRequiredService<FactAppender>()));
        services.AddSingleton<IRoomSettings, RoomSettings>();
        services.AddSingleton(provider => new AggregateStore<ClientConfigState>(
            provider.GetRequiredService<IEventStore>(), provider.GetRequiredService<FactAppender>()));
        services.TryAddSingleton<IPasswordHasher, Argon2PasswordHasher>();
        services.AddSingleton<PasswordCheck>();
        services.AddSingleton<NameAvailability>();
        services.AddSingleton<RegistrationsUnderWay>();
        services.AddSingleton<RegistrationNonces>();
        services.AddSingleton<LoginTokens>();
        services.AddSingleton<SessionTokens>();
        services.AddSingleton<SessionOpening>();
        services.AddSingleton<InteractiveSessions>();
        services.AddSingleton<InteractiveStages>();
        services.AddSingleton<RoomForgetting>();

        services.AddSingleton<IValidator<RegisterAccount>, RegisterAccountValidator>();
        services.AddSingleton<IValidator<LogIn>, LogInValidator>();
        services.AddSingleton<IValidator<RenameDevice>, RenameDeviceValidator>();
        services.AddSingleton<IValidator<SetProfileField>, SetProfileFieldValidator>();
        services.AddSingleton<IValidator<SetAccountData>, SetAccountDataValidator>();
        services.AddSingleton<IValidator<SetRoomTag>, SetRoomTagValidator>();
        services.AddSingleton<IValidator<SetPusher>, SetPusherValidator>();
        services.AddSingleton<IValidator<LogInByToken>, LogInByTokenValidator>();
        services.AddSingleton<IValidator<ReportContent>, ReportContentValidator>();
        services.AddSingleton<IValidator<StoreFilter>, StoreFilterValidator>();

        services.AddTransient<IRequestHandler<RegisterAccount, CommandResult<OpenedSession>>, RegisterAccountHandler>();
        services.AddTransient<IRequestHandler<LogIn, CommandResult<OpenedSession>>, LogInHandler>();
        services.AddTransient<IRequestHandler<EndSessions, CommandResult<Unit>>, EndSessionsHandler>();
        services.AddTransient<IRequestHandler<RenameDevice, CommandResult<Unit>>, RenameDeviceHandler>();
        services.AddTransient<IRequestHandler<ChangePassword, CommandResult<Unit>>, ChangePasswordHandler>();
        services.AddTransient<IRequestHandler<DeactivateAccount, CommandResult<Unit>>, DeactivateAccountHandler>();
        services.AddTransient<IRequestHandler<SetProfileField, CommandResult<Unit>>, SetProfileFieldHandler>();
        services.AddTransient<IRequestHandler<SetAccountData, CommandResult<Unit>>, SetAccountDataHandler>();
        services.AddTransient<IRequestHandler<SetRoomTag, CommandResult<Unit>>, SetRoomTagHandler>();
        services.AddTransient<IRequestHandler<ChangePushRules, CommandResult<Unit>>, ChangePushRulesHandler>();
        services.AddTransient<IRequestHandler<SetPusher, CommandResult<Unit>>, SetPusherHandler>();
        services.AddTransient<
            IRequestHandler<LogInByToken, CommandResult<OpenedSession>>, LogInByTokenHandler>();
        services.AddTransient<
            IRequestHandler<RefreshSession, CommandResult<NewSessionTokens>>, RefreshSessionHandler>();
        services.AddTransient<IRequestHandler<ConfirmRefresh, CommandResult<Unit>>, ConfirmRefreshHandler>();
        services.AddTransient<IRequestHandler<ModerateAccount, CommandResult<Unit>>, ModerateAccountHandler>();
        services.AddTransient<IRequestHandler<ReportContent, CommandResult<Unit>>, ReportContentHandler>();
        services.AddTransient<IRequestHandler<StoreFilter, CommandResult<string>>, StoreFilterHandler>();
        services.AddOAuthCommands();
        return services;
    }
}
