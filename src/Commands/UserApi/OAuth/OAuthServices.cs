using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi.Upstream;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.EventSourced.Commands.UserApi.OAuth;

/// <summary>Registers the write side of the OAuth API. Requires: that of the UserAPI.</summary>
public static class OAuthServices
{
    public static IServiceCollection AddOAuthCommands(this IServiceCollection services)
    {
        services.AddSingleton(provider => new AggregateStore<OAuthClientState>(
            provider.GetRequiredService<IEventStore>(), provider.GetRequiredService<FactAppender>()));
        services.AddSingleton(provider => new AggregateStore<AuthorizationCodeState>(
            provider.GetRequiredService<IEventStore>(),
            provider.GetRequiredService<FactAppender>(),
            bounds: OAuthStreams.OfCodes));
        services.AddSingleton(provider => new AggregateStore<DeviceGrantState>(
            provider.GetRequiredService<IEventStore>(),
            provider.GetRequiredService<FactAppender>(),
            bounds: OAuthStreams.OfCodes));
        services.AddSingleton(provider => new AggregateStore<UpstreamState>(
            provider.GetRequiredService<IEventStore>(), provider.GetRequiredService<FactAppender>()));
        services.AddSingleton<UpstreamAccounts>();
        services.AddTransient<IRequestHandler<LogInUpstream, CommandResult<UserId>>, LogInUpstreamHandler>();
        services.AddSingleton<OAuthClients>();
        services.AddSingleton<OAuthSessions>();
        services.AddSingleton<DeviceGrants>();
        services.AddTransient<
            IRequestHandler<RegisterOAuthClient, CommandResult<string>>, RegisterOAuthClientHandler>();
        services.AddTransient<
            IRequestHandler<IssueAuthorizationCode, CommandResult<string>>, IssueAuthorizationCodeHandler>();
        services.AddTransient<
            IRequestHandler<RedeemAuthorizationCode, CommandResult<OAuthSession>>, RedeemAuthorizationCodeHandler>();
        services.AddTransient<
            IRequestHandler<RefreshOAuthSession, CommandResult<NewSessionTokens>>, RefreshOAuthSessionHandler>();
        services.AddTransient<
            IRequestHandler<RequestDeviceGrant, CommandResult<DeviceAuthorization>>, RequestDeviceGrantHandler>();
        services.AddTransient<IRequestHandler<DecideDeviceGrant, CommandResult<Unit>>, DecideDeviceGrantHandler>();
        services.AddTransient<
            IRequestHandler<RedeemDeviceGrant, CommandResult<OAuthSession>>, RedeemDeviceGrantHandler>();
        return services;
    }
}
