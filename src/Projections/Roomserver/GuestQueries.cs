using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Identifiers;
using Npgsql;

namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>Where this server's guests are.</summary>
/// <remarks>Ensures: sees every append that returned before the call.</remarks>
public sealed class GuestQueries(NpgsqlDataSource database, IProjectionSchemas schemas, IProjectionGate gate)
{
    private static readonly ReadOnlyMemory<string> Projections =
        new[] { RoomserverProjection.ProjectionName, UserApiProjection.ProjectionName };

    /// <summary>The guests who have joined a room.</summary>
    public async ValueTask<IReadOnlyList<UserId>> InRoomAsync(RoomId roomId, CancellationToken cancellationToken)
    {
        var guests = new List<UserId>();
        await AskAsync(
            $"""
            SELECT s.state_key FROM {Schema(RoomserverProjection.ProjectionName)}.state s
            JOIN {Schema(UserApiProjection.ProjectionName)}.mt_doc_accountdocument a ON a.id = s.state_key
            WHERE s.room_id = $1 AND s.type = 'm.room.member' AND s.to_position = {RoomserverSchema.OpenEnd}
                AND s.membership = {(int)Membership.Join} AND (a.data ->> 'IsGuest')::boolean
            ORDER BY s.state_key
            """,
            parameters => parameters.AddText(roomId.Value),
            reader => guests.Add(UserId.Parse(reader.GetString(0))),
            cancellationToken);
        return guests;
    }

    /// <summary>All rooms that guests have joined. Cost: a pass over the accounts.</summary>
    public async ValueTask<IReadOnlyList<RoomId>> RoomsAsync(CancellationToken cancellationToken)
    {
        var rooms = new List<RoomId>();
        await AskAsync(
            $"""
            SELECT DISTINCT m.room_id FROM {Schema(UserApiProjection.ProjectionName)}.mt_doc_accountdocument a
            JOIN {Schema(RoomserverProjection.ProjectionName)}.memberships m ON m.user_id = a.id
            WHERE (a.data ->> 'IsGuest')::boolean AND m.membership = {(int)Membership.Join} ORDER BY m.room_id
            """,
            static _ => { },
            reader => rooms.Add(RoomId.Parse(reader.GetString(0))),
            cancellationToken);
        return rooms;
    }

    private string Schema(string projection) => schemas.Live(projection);

    private async ValueTask AskAsync(
        string sql,
        Action<NpgsqlParameterCollection> bind,
        Action<NpgsqlDataReader> row,
        CancellationToken cancellationToken)
    {
        await gate.RequireHeadAsync(Projections, cancellationToken);
        var batch = new QueryBatch(database);
        batch.Add(sql, bind, row);
        await batch.ExecuteAsync(cancellationToken);
    }
}
