using Matrix.EventSourced.Api.Adapters;
using Matrix.EventSourced.Api.FederationApi;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Commands.Roomserver.Policy;
using Matrix.EventSourced.Commands.Roomserver.ThirdParty;
using Matrix.EventSourced.Federation.FederationApi;
using Matrix.EventSourced.Federation.IdentityServers;
using Matrix.EventSourced.Federation.RemoteRooms;

namespace Matrix.EventSourced.Api;

public static partial class Composition
{
    /// <summary>What other servers ask of us, and the rooms that we share with them.</summary>
    internal static void AddFederationApi(IServiceCollection services)
    {
        services.AddSingleton<ServerAuthenticator>();
        services.AddSingleton<PduIntake>();
        services.AddSingleton<RoomAccess>();
        services.AddSingleton<RoomGates>();
        services.AddSingleton<RoomReception>();
        services.AddSingleton<IBackfill, Backfill>();
        services.AddSingleton<RoomGraphReader>();
        services.AddSingleton<IInboundEdu, TypingEdu>();
        services.AddSingleton<IInboundEdu, ReceiptEdu>();
        services.AddSingleton<IInboundEdu, PresenceEdu>();
        services.AddSingleton<IInboundEdu, DirectToDeviceEdu>();
        services.AddSingleton<InboundEdus>();
        services.AddSingleton<WithdrawnMemberships>();
        services.AddSingleton<InboundTransactions>();
        services.AddSingleton<ResidentMemberships>();
        services.AddSingleton<InvitesOfOthers>();
        services.AddSingleton<IRoomResidency, RoomResidency>();
        services.AddSingleton<IRemoteRooms, RemoteRooms>();
        services.AddSingleton<IPolicyServers, PolicyServers>();
        services.AddSingleton<IdentityServerClient>();
        services.AddSingleton<IIdentityServers, IdentityServers>();
        services.AddSingleton<ThirdPartyRedemption>();
    }

    internal static void MapFederationApi(EndpointTable table)
    {
        SendTransaction.Map(table);
        MakeMembership.Map(table);
        SendMembership.Map(table);
        Invite.Map(table);
        ThirdPartyExchange.Map(table);
        RoomGraph.Map(table);
        Queries.Map(table);
        PublicRoomsForServers.Map(table);
        Hierarchy.Map(table);
    }
}
