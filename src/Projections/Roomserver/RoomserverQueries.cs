using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;
using Npgsql;

namespace Matrix.EventSourced.Projections.Roomserver;

/// <inheritdoc />
public sealed class RoomserverQueries(
    NpgsqlDataSource database, IProjectionGate gate, IProjectionSchemas schemas) : IRoomserverQueries
{
    private static readonly string[] Projections = [RoomserverProjection.ProjectionName];

    public async ValueTask<IReadOnlyList<RoomserverPdu>> FindPdusAsync(
        IReadOnlyList<EventId> eventIds, CancellationToken cancellationToken = default)
    {
        var found = new List<RoomserverPdu>(eventIds.Count);
        if (eventIds.Count == 0)
            return found;
        await AskAsync(
            schema =>

                $"""
                SELECT event_id, room_id, room_version, json, disposition, redacted_by IS NOT NULL, state_before,
                    stripped_state
                FROM {schema}.pdus WHERE event_id = ANY ($1)
                """,
            parameters => parameters.AddTexts([.. eventIds.Select(id => id.Value)]),
            reader => found.Add(new(
                EventId.Parse(reader.GetString(0)),
                RoomId.Parse(reader.GetString(1)),
                reader.GetString(2),
                reader.GetFieldValue<byte[]>(3),
                (PduDisposition)reader.GetInt16(4),
                reader.GetBoolean(5))
            {
                StateBefore = Protocol.State.StateRoot.FromBytes(reader.GetFieldValue<byte[]>(6)),
                StrippedState = reader.IsDBNull(7) ? null : (ReadOnlyMemory<byte>?)reader.GetFieldValue<byte[]>(7),
            }),
            cancellationToken);
        return found;
    }

    public async ValueTask<EventId?> FindTransactionAsync(
        RoomId roomId,
        UserId userId,
        string deviceId,
        string scope,
        string transactionId,
        CancellationToken cancellationToken = default)
    {
        EventId? found = null;
        await AskAsync(
            schema =>
                $"""
                SELECT event_id FROM {schema}.pdus
                WHERE txn_key = $1 AND room_id = $2 AND sender = $3
                    AND coalesce(device_id, '') = $4 AND txn_scope = $5 AND txn_id = $6
                ORDER BY position LIMIT 1
                """,
            parameters =>
            {
                parameters.AddBigInt(TransactionKeys.Of(roomId.Value, userId.Value, deviceId, scope, transactionId));
                parameters.AddText(roomId.Value);
                parameters.AddText(userId.Value);
                parameters.AddText(deviceId);
                parameters.AddText(scope);
                parameters.AddText(transactionId);
            },
            reader => found = EventId.Parse(reader.GetString(0)),
            cancellationToken);
        return found;
    }

    public ValueTask<IReadOnlyList<RoomId>> JoinedRoomsAsync(
        UserId userId, CancellationToken cancellationToken = default) =>
        RoomsAsync(userId, [Membership.Join], cancellationToken);

    public ValueTask<IReadOnlyList<RoomId>> RoomsOfAsync(
        UserId userId, CancellationToken cancellationToken = default) =>
        RoomsAsync(userId, [Membership.Join, Membership.Invite, Membership.Knock], cancellationToken);

    private async ValueTask<IReadOnlyList<RoomId>> RoomsAsync(
        UserId userId, Membership[] memberships, CancellationToken cancellationToken)
    {
        var rooms = new List<RoomId>();
        await AskAsync(
            schema =>
                $"""
                SELECT room_id FROM {schema}.memberships
                WHERE user_id = $1 AND membership IN ({string.Join(", ", memberships.Select(one => (int)one))})
                ORDER BY room_id
                """,
            parameters => parameters.AddText(userId.Value),
            reader => rooms.Add(RoomId.Parse(reader.GetString(0))),
            cancellationToken);
        return rooms;
    }

    public async ValueTask<RoomId?> FindAliasAsync(RoomAlias alias, CancellationToken cancellationToken = default)
    {
        RoomId? found = null;
        await AskAsync(
            schema => $"SELECT room_id FROM {schema}.aliases WHERE alias = $1",
            parameters => parameters.AddText(alias.Value),
            reader => found = RoomId.Parse(reader.GetString(0)),
            cancellationToken);
        return found;
    }

    public async ValueTask<IReadOnlyList<RoomAlias>> AliasesOfAsync(
        RoomId roomId, CancellationToken cancellationToken = default)
    {
        var aliases = new List<RoomAlias>();
        await AskAsync(
            schema => $"SELECT alias FROM {schema}.aliases WHERE room_id = $1 ORDER BY alias",
            parameters => parameters.AddText(roomId.Value),
            reader => aliases.Add(RoomAlias.Parse(reader.GetString(0))),
            cancellationToken);
        return aliases;
    }

    public async ValueTask<bool> IsPublicAsync(RoomId roomId, CancellationToken cancellationToken = default)
    {
        var isPublic = false;
        await AskAsync(
            schema => $"SELECT true FROM {schema}.public_rooms WHERE room_id = $1",
            parameters => parameters.AddText(roomId.Value),
            _ => isPublic = true,
            cancellationToken);
        return isPublic;
    }

    public async ValueTask<string?> FindRoomVersionAsync(RoomId roomId, CancellationToken cancellationToken = default)
    {
        string? version = null;
        await AskAsync(
            schema => $"SELECT room_version FROM {schema}.rooms WHERE room_id = $1",
            parameters => parameters.AddText(roomId.Value),
            reader => version = reader.GetString(0),
            cancellationToken);
        return version;
    }

    private async ValueTask AskAsync(
        Func<string, string> sql,
        Action<NpgsqlParameterCollection> bind,
        Action<NpgsqlDataReader> row,
        CancellationToken cancellationToken)
    {
        await gate.RequireHeadAsync(Projections, cancellationToken);
        var batch = new QueryBatch(database);
        batch.Add(sql(schemas.Live(RoomserverProjection.ProjectionName)), bind, row);
        await batch.ExecuteAsync(cancellationToken);
    }
}
