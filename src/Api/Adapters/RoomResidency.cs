using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Projections.FedSender;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.Adapters;

/// <summary>Who is in a room, from FedSender's projection and the Roomserver's.</summary>
internal sealed class RoomResidency(IJoinedHosts hosts, IRoomGraphQueries graph) : IRoomResidency
{
    public ValueTask<IReadOnlyList<ServerName>> ServersAsync(RoomId roomId) =>
        hosts.InRoomAsync(roomId, CancellationToken.None);

    public ValueTask<EventId?> FindMembershipAsync(RoomId roomId, UserId userId) =>
        graph.FindMembershipAsync(roomId, userId, CancellationToken.None);
}
