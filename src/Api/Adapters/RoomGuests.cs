using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Api.Adapters;

/// <summary>The guests in a room: the Roomserver's tables know who is in it, the UserAPI's who is a guest.</summary>
internal sealed class RoomGuests(
    RoomQuestions rooms, IAccountQueries accounts, IProjectionGate gate, ServerIdentity identity) : IRoomGuests
{
    private static readonly string[] Projections =
        [RoomserverProjection.ProjectionName, UserApiProjection.ProjectionName];

    public async ValueTask<IReadOnlyList<UserId>> JoinedAsync(RoomId roomId)
    {
        await gate.WaitForHeadAsync(Projections, CancellationToken.None);
        var joined = await rooms.JoinedOfServerAsync(roomId, identity.Name, CancellationToken.None);
        return await accounts.GuestsAmongAsync(joined, CancellationToken.None);
    }
}
