using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.PublicRooms;
using Matrix.EventSourced.Commands.Roomserver.Aliases;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.Commands.Roomserver.Policy;
using Matrix.EventSourced.Commands.Roomserver.ThirdParty;
using Matrix.EventSourced.Commands.Roomserver.Workers;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.EventSourced.Commands.Roomserver;

/// <summary>Registers the write side of Roomserver and PublicRooms.</summary>
/// <remarks>Requires: IEventStore, ServerIdentity, IRandom, TimeProvider from the host; the ports of <c>Ports.cs</c>;
/// the UserAPI's commands.</remarks>
public static class RoomserverServices
{
    public static IServiceCollection AddRoomserverCommands(this IServiceCollection services)
    {
        services.AddMessaging();
        services.AddSingleton<RoomserverHealth>();
        services.AddSingleton<PolicySigning>();
        services.AddSingleton<RoomWorkers>();
        services.AddSingleton<IRoomserver>(provider => provider.GetRequiredService<RoomWorkers>());
        services.AddSingleton<AliasBook>();
        services.AddSingleton<RoomDirectory>();
        services.AddSingleton<Memberships>();
        services.AddSingleton<MembershipDrafts>();
        services.AddSingleton<RemoteMemberships>();
        services.AddSingleton<ThirdPartyInvites>();
        services.AddSingleton<Redactions>();
        services.AddSingleton<FoundingTimes>();
        services.AddSingleton<IProfilePropagation, ProfilePropagation>();
        services.AddSingleton<IRoomDepartures, RoomDepartures>();
        services.AddSingleton<GuestDepartures>();

        services.AddSingleton<IValidator<CreateRoom>, CreateRoomValidator>();
        services.AddSingleton<IValidator<UpgradeRoom>, UpgradeRoomValidator>();
        services.AddSingleton<IValidator<SendEvent>, SendEventValidator>();
        services.AddSingleton<IValidator<SendState>, SendStateValidator>();
        services.AddSingleton<IValidator<RedactEvent>, RedactEventValidator>();
        services.AddSingleton<IValidator<InviteByThirdParty>, InviteByThirdPartyValidator>();
        services.AddSingleton<IValidator<CreateAlias>, CreateAliasValidator>();
        services.AddSingleton<IValidator<DeleteAlias>, DeleteAliasValidator>();

        services.AddTransient<IRequestHandler<CreateRoom, CommandResult<RoomId>>, CreateRoomHandler>();
        services.AddTransient<IRequestHandler<UpgradeRoom, CommandResult<RoomId>>, UpgradeRoomHandler>();
        services.AddTransient<IRequestHandler<SendEvent, CommandResult<EventId>>, SendEventHandler>();
        services.AddTransient<IRequestHandler<SendState, CommandResult<EventId>>, SendStateHandler>();
        services.AddTransient<IRequestHandler<RedactEvent, CommandResult<EventId>>, RedactEventHandler>();
        services.AddTransient<IRequestHandler<JoinRoom, CommandResult<RoomId>>, JoinRoomHandler>();
        services.AddTransient<IRequestHandler<KnockOnRoom, CommandResult<RoomId>>, KnockOnRoomHandler>();
        services.AddTransient<IRequestHandler<LeaveRoom, CommandResult<Unit>>, LeaveRoomHandler>();
        services.AddTransient<IRequestHandler<InviteUser, CommandResult<Unit>>, InviteUserHandler>();
        services.AddTransient<
            IRequestHandler<InviteByThirdParty, CommandResult<Unit>>, InviteByThirdPartyHandler>();
        services.AddTransient<IRequestHandler<KickUser, CommandResult<Unit>>, KickUserHandler>();
        services.AddTransient<IRequestHandler<BanUser, CommandResult<Unit>>, BanUserHandler>();
        services.AddTransient<IRequestHandler<UnbanUser, CommandResult<Unit>>, UnbanUserHandler>();
        services.AddTransient<IRequestHandler<ForgetRoom, CommandResult<Unit>>, ForgetRoomHandler>();
        services.AddTransient<IRequestHandler<CreateAlias, CommandResult<Unit>>, CreateAliasHandler>();
        services.AddTransient<IRequestHandler<DeleteAlias, CommandResult<Unit>>, DeleteAliasHandler>();
        services.AddTransient<IRequestHandler<SetRoomVisibility, CommandResult<Unit>>, SetRoomVisibilityHandler>();
        return services;
    }
}
