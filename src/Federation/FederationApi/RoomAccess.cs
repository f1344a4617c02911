using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Projections.FedSender;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.Signing;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Federation.FederationApi;

/// <summary>What another server may do with a room.</summary>
/// <remarks>Spec: v1.19 server-server-api #server-access-control-lists-acls.</remarks>
public sealed class RoomAccess(IRoomserver rooms, IJoinedHosts hosts, ServerIdentity identity)
{
    /// <summary>LIMIT: rooms of which it is remembered whether we are in them. Ours: some megabytes.</summary>
    private const int RoomsMax = 10_000;

    private static readonly StateTuple AclTuple = new(EventTypes.ServerAcl, string.Empty);

    /// <summary>Whether we are in a room follows from its state, and most PDUs leave that as it is.</summary>
    private readonly LruCache<RoomId, Residency> _residency = new(RoomsMax);

    /// <summary>Whether the room's access control lets the server in; true for rooms that are not here.</summary>
    public async ValueTask<bool> IsAllowedAsync(RoomId roomId, ServerName server) =>
        await rooms.ReadAsync(roomId, AclTuple) is not RoomReading.Found { View: var view }
        || ServerAcl.From(view.Get(AclTuple)).Allows(server);

    /// <summary>Whether the server may be told what goes on in the room beside its PDUs. False where the room cannot be
    /// asked now.</summary>
    public async ValueTask<bool> MayHearAsync(RoomId roomId, ServerName server) =>
        await rooms.ReadAsync(roomId, AclTuple) switch
        {
            RoomReading.Found { View: var view } => ServerAcl.From(view.Get(AclTuple)).Allows(server),
            RoomReading.Refused => false,
            _ => true,
        };

    /// <summary>Whether this server has a user in the room.</summary>
    public async ValueTask<bool> IsResidentAsync(RoomId roomId, CancellationToken cancellationToken) =>
        await rooms.ReadAsync(roomId) is RoomReading.Found { View: var view }
        && await IsResidentAsync(view, cancellationToken);

    /// <summary>For what comes unasked: the room's rules, and whether it lets the server in; null where this server
    /// is not in the room.</summary>
    /// <remarks>Cost: no table is asked unless the room's state has changed since the last time.</remarks>
    public async ValueTask<(RoomVersionRules Rules, bool IsAllowed)?> FindAsync(
        RoomId roomId, ServerName server, CancellationToken cancellationToken)
    {
        if (await rooms.ReadAsync(roomId, AclTuple) is not RoomReading.Found { View: var view }
            || !await IsResidentAsync(view, cancellationToken))
            return null;
        return (view.Rules, ServerAcl.From(view.Get(AclTuple)).Allows(server));
    }

    /// <summary>Whether a user of another server is in a room with users of ours.</summary>
    public async ValueTask<bool> IsSeenAsync(UserId userId, CancellationToken cancellationToken) =>
        (await hosts.SharingWithAsync(userId, cancellationToken)).Contains(identity.Name);

    /// <summary>For endpoints that anybody may try: the room must be here, and the server let in.</summary>
    public async ValueTask<MatrixError?> CheckAsync(
        RoomId roomId, ServerName server, CancellationToken cancellationToken)
    {
        if (!await IsResidentAsync(roomId, cancellationToken))
            return MatrixError.NotFound("This server is not in the room.");
        return await IsAllowedAsync(roomId, server)
            ? null
            : MatrixError.Forbidden("Your server is not allowed in this room.");
    }

    private async ValueTask<bool> IsResidentAsync(RoomView view, CancellationToken cancellationToken)
    {
        if (_residency.Find(view.RoomId) is { } known && known.State == view.CurrentState)
            return known.IsResident;
        var isResident = (await hosts.InRoomAsync(view.RoomId, cancellationToken)).Contains(identity.Name);
        // The tables may have gone on to another state meanwhile; what they say then is not about this one.
        if (await rooms.ReadAsync(view.RoomId) is RoomReading.Found { View: var after }
            && after.CurrentState == view.CurrentState)
            _residency.Set(view.RoomId, new Residency(view.CurrentState, isResident));
        return isResident;
    }

    /// <summary>For endpoints that show a room: the server must have a user in it.</summary>
    /// <remarks>We need not be in it any more: the last that our users said, and that they left, cites what the others
    /// may have to fetch, and nobody but us has it. They are those who were in the room when we left.</remarks>
    public async ValueTask<MatrixError?> CheckMemberAsync(
        RoomId roomId, ServerName server, CancellationToken cancellationToken)
    {
        var inRoom = await hosts.InRoomAsync(roomId, cancellationToken);
        if (inRoom.Count == 0)
            return MatrixError.NotFound("This server is not in the room.");
        return inRoom.Contains(server) && await IsAllowedAsync(roomId, server)
            ? null
            : MatrixError.Forbidden("Your server is not in this room, or not allowed in it.");
    }

    private sealed record Residency(StateRoot State, bool IsResident);
}
