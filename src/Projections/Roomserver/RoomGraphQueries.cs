using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.State;
using Npgsql;

namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>Questions about how a room's PDUs hang together.</summary>
/// <remarks>Ensures: every answer sees all appends that returned before the call.</remarks>
public interface IRoomGraphQueries
{
    /// <summary>The state PDUs that list this one in their auth_events, newest first.</summary>
    ValueTask<IReadOnlyList<StateEntry>> CitedByAsync(
        RoomId roomId, EventId eventId, CancellationToken cancellationToken);

    /// <summary>PDUs that what is shown of the room cites as prev_events and that are not here. What only a rejected
    /// or soft-failed PDU cites is an extremity like any other once it comes.</summary>
    ValueTask<IReadOnlyList<EventId>> MissingLinksAsync(RoomId roomId, CancellationToken cancellationToken);

    /// <summary>The depth from which on a PDU may be news: that of the shallowest accepted PDU behind which there is a
    /// gap, filled since or not. 0 where nothing is missing of the room.</summary>
    ValueTask<long> NewsFromDepthAsync(RoomId roomId, CancellationToken cancellationToken);

    /// <summary>Redactions that had no effect when they came, in that order; of very many the latest.</summary>
    ValueTask<IReadOnlyList<(EventId Target, EventId Redaction)>> RedactionsInWaitingAsync(
        RoomId roomId, CancellationToken cancellationToken);

    /// <summary>The PDUs that cite what is missing, deepest in the past first: where history goes on.</summary>
    ValueTask<IReadOnlyList<EventId>> BackwardExtremitiesAsync(
        RoomId roomId, int limit, CancellationToken cancellationToken);

    /// <summary>The same, of the gaps in a stretch of the timeline: those of the last gap.</summary>
    ValueTask<IReadOnlyList<EventId>> ExtremitiesOfLastGapAsync(
        TimelineStretch stretch, int limit, CancellationToken cancellationToken);

    /// <summary>The member event that says what a user is to a room, also to one that is not here; null for
    /// none.</summary>
    ValueTask<EventId?> FindMembershipAsync(RoomId roomId, UserId userId, CancellationToken cancellationToken);

    /// <summary>Users whom the current state bans, in order.</summary>
    ValueTask<IReadOnlyList<UserId>> BannedAsync(RoomId roomId, int limit, CancellationToken cancellationToken);

    /// <summary>Whether a user of the server is invited to the room, as we know it.</summary>
    ValueTask<bool> IsServerInvitedAsync(RoomId roomId, ServerName server, CancellationToken cancellationToken);

    /// <summary>The accepted or backfilled PDU nearest to a time.</summary>
    ValueTask<(EventId EventId, long OriginServerTs)?> FindNearestAsync(
        RoomId roomId, long ts, bool isForwards, CancellationToken cancellationToken);
}

/// <inheritdoc />
public sealed class RoomGraphQueries(NpgsqlDataSource database, IProjectionGate gate, IProjectionSchemas schemas)
    : IRoomGraphQueries
{
    /// <summary>LIMIT: redactions in waiting that a room's worker keeps. Ours: some megabytes; a server that sends
    /// more of them, of PDUs that nobody has, gains nothing.</summary>
    private const int RedactionsInWaitingMax = 10_000;

    private static readonly string[] Projections = [RoomserverProjection.ProjectionName];

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<StateEntry>> CitedByAsync(
        RoomId roomId, EventId eventId, CancellationToken cancellationToken) => AskAsync(
            schema =>
                $"""
                SELECT type, state_key, event_id FROM {schema}.auth_edges
                WHERE room_id = $1 AND auth_event_id = $2 ORDER BY position DESC
                """,
            parameters =>
            {
                parameters.AddText(roomId.Value);
                parameters.AddText(eventId.Value);
            },
            static reader => new StateEntry(
                new StateTuple(reader.GetString(0), reader.GetString(1)), EventId.Parse(reader.GetString(2))),
            cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<EventId>> MissingLinksAsync(RoomId roomId, CancellationToken cancellationToken) =>
        AskAsync(
            schema =>
                $"""
                SELECT DISTINCT m.event_id FROM {schema}.missing_links m
                JOIN {schema}.pdus p ON p.event_id = m.cited_by AND p.room_id = m.room_id AND p.disposition IN (0, 4)
                WHERE m.room_id = $1 AND {IsNotHere(schema)} ORDER BY m.event_id
                """,
            parameters => parameters.AddText(roomId.Value),
            static reader => EventId.Parse(reader.GetString(0)),
            cancellationToken);

    /// <inheritdoc />
    public async ValueTask<long> NewsFromDepthAsync(RoomId roomId, CancellationToken cancellationToken)
    {
        var found = await AskAsync(
            schema =>
                $"""
                SELECT coalesce(min(p.depth) FILTER (WHERE p.disposition = 0), 0), bool_or({IsNotHere(schema)})
                FROM {schema}.missing_links m
                JOIN {schema}.pdus p ON p.event_id = m.cited_by AND p.room_id = m.room_id AND p.disposition IN (0, 4)
                WHERE m.room_id = $1
                """,
            parameters => parameters.AddText(roomId.Value),
            static reader => !reader.IsDBNull(1) && reader.GetBoolean(1) ? reader.GetInt64(0) : 0,
            cancellationToken);
        return found[0];
    }

    /// <inheritdoc />
    public async ValueTask<IReadOnlyList<(EventId Target, EventId Redaction)>> RedactionsInWaitingAsync(
        RoomId roomId, CancellationToken cancellationToken)
    {
        var found = await AskAsync(
            schema =>
                $"""
                SELECT target, event_id FROM {schema}.redactions_in_waiting
                WHERE room_id = $1 ORDER BY position DESC LIMIT {RedactionsInWaitingMax}
                """,
            parameters => parameters.AddText(roomId.Value),
            static reader => (EventId.Parse(reader.GetString(0)), EventId.Parse(reader.GetString(1))),
            cancellationToken);
        return [.. found.Reverse()];
    }

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<EventId>> BackwardExtremitiesAsync(
        RoomId roomId, int limit, CancellationToken cancellationToken) => AskAsync(
            schema =>
                $"""
                SELECT p.event_id FROM {schema}.pdus p
                WHERE p.event_id IN (
                        SELECT m.cited_by FROM {schema}.missing_links m WHERE m.room_id = $1 AND {IsNotHere(schema)})
                    AND p.disposition IN (0, 4)
                ORDER BY p.anchor, p.position, p.event_id LIMIT $2
                """,
            parameters =>
            {
                parameters.AddText(roomId.Value);
                parameters.AddInt(limit);
            },
            static reader => EventId.Parse(reader.GetString(0)),
            cancellationToken);

    /// <inheritdoc />
    public async ValueTask<IReadOnlyList<EventId>> ExtremitiesOfLastGapAsync(
        TimelineStretch stretch, int limit, CancellationToken cancellationToken)
    {
        // What is missing before a PDU stands right before it: after all history that was fetched for it so far where
        // that is the PDU itself, and else before the PDU of the history.
        const string Place = "(p.anchor, least(p.position - 1, 0))";
        var found = await AskAsync(
            schema =>
                $"""
                SELECT p.event_id, p.anchor FROM {schema}.pdus p
                WHERE p.event_id IN (
                        SELECT m.cited_by FROM {schema}.missing_links m WHERE m.room_id = $1 AND {IsNotHere(schema)})
                    AND p.disposition IN (0, 4) AND {Place} > ($2, $3) AND {Place} <= ($4, $5)
                ORDER BY p.anchor DESC, p.position, p.event_id LIMIT $6
                """,
            parameters =>
            {
                parameters.AddText(stretch.RoomId);
                parameters.AddBigInt(stretch.After.Anchor);
                parameters.AddBigInt(stretch.After.Position);
                parameters.AddBigInt(stretch.UpTo.Anchor);
                parameters.AddBigInt(stretch.UpTo.Position);
                parameters.AddInt(limit);
            },
            static reader => (EventId: EventId.Parse(reader.GetString(0)), Anchor: reader.GetInt64(1)),
            cancellationToken);
        return [.. found.Where(one => one.Anchor == found[0].Anchor).Select(one => one.EventId)];
    }

    /// <inheritdoc />
    public async ValueTask<EventId?> FindMembershipAsync(
        RoomId roomId, UserId userId, CancellationToken cancellationToken)
    {
        var found = await AskAsync(
            schema => $"SELECT event_id FROM {schema}.memberships WHERE user_id = $1 AND room_id = $2",
            parameters =>
            {
                parameters.AddText(userId.Value);
                parameters.AddText(roomId.Value);
            },
            static reader => EventId.Parse(reader.GetString(0)),
            cancellationToken);
        return found.Count == 0 ? null : found[0];
    }

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<UserId>> BannedAsync(
        RoomId roomId, int limit, CancellationToken cancellationToken) => AskAsync(
            schema =>
                $"""
                SELECT state_key FROM {schema}.state
                WHERE room_id = $1 AND type = 'm.room.member' AND to_position = {RoomserverSchema.OpenEnd}
                    AND membership = {(int)Membership.Ban}
                ORDER BY state_key LIMIT $2
                """,
            parameters =>
            {
                parameters.AddText(roomId.Value);
                parameters.AddInt(limit);
            },
            static reader => UserId.Parse(reader.GetString(0)),
            cancellationToken);

    /// <inheritdoc />
    public async ValueTask<bool> IsServerInvitedAsync(
        RoomId roomId, ServerName server, CancellationToken cancellationToken)
    {
        var found = await AskAsync(
            schema =>
                $"""
                SELECT EXISTS (
                    SELECT FROM {schema}.state
                    WHERE room_id = $1 AND type = 'm.room.member' AND to_position = {RoomserverSchema.OpenEnd}
                        AND membership = {(int)Membership.Invite}
                        AND substr(state_key, strpos(state_key, ':') + 1) = $2)
                """,
            parameters =>
            {
                parameters.AddText(roomId.Value);
                parameters.AddText(server.Value);
            },
            static reader => reader.GetBoolean(0),
            cancellationToken);
        return found[0];
    }

    /// <inheritdoc />
    public async ValueTask<(EventId EventId, long OriginServerTs)?> FindNearestAsync(
        RoomId roomId, long ts, bool isForwards, CancellationToken cancellationToken)
    {
        var found = await AskAsync(
            schema =>
                $"""
                SELECT event_id, origin_server_ts FROM {schema}.pdus
                WHERE room_id = $1 AND disposition IN (0, 4) AND origin_server_ts {(isForwards ? ">=" : "<=")} $2
                ORDER BY origin_server_ts {Order(isForwards)}, anchor {Order(isForwards)}, position {Order(isForwards)}
                LIMIT 1
                """,
            parameters =>
            {
                parameters.AddText(roomId.Value);
                parameters.AddBigInt(ts);
            },
            static reader => (EventId.Parse(reader.GetString(0)), reader.GetInt64(1)),
            cancellationToken);
        return found.Count == 0 ? null : found[0];
    }

    private static string Order(bool isForwards) => isForwards ? "ASC" : "DESC";

    /// <summary>Of a link <c>m</c>: what it cites has not been backfilled since.</summary>
    private static string IsNotHere(string schema) =>
        $"""
        NOT EXISTS (
            SELECT FROM {schema}.pdus here
            WHERE here.event_id = m.event_id AND here.room_id = m.room_id AND here.disposition <> 3)
        """;

    private async ValueTask<IReadOnlyList<T>> AskAsync<T>(
        Func<string, string> sql,
        Action<NpgsqlParameterCollection> bind,
        Func<NpgsqlDataReader, T> read,
        CancellationToken cancellationToken)
    {
        await gate.RequireHeadAsync(Projections, cancellationToken);
        await using var command = database.CreateCommand(sql(schemas.Live(RoomserverProjection.ProjectionName)));
        bind(command.Parameters);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<T>();
        while (await reader.ReadAsync(cancellationToken))
            rows.Add(read(reader));
        return rows;
    }
}
