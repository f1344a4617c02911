using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Npgsql;

namespace Matrix.EventSourced.Projections.FedSender;

/// <summary>Reads what a batch needs of the tables, and writes what it changed.</summary>
internal sealed class FedSenderTables(ProjectionBatch batch)
{
    private readonly string _schema = batch.Schema;

    public async ValueTask LoadAsync(FedSenderState state, CancellationToken cancellationToken)
    {
        var plan = state.Plan;
        await ReadAsync(
            $"SELECT room_id, user_id FROM {_schema}.members WHERE user_id = ANY ($1)",
            parameters => parameters.AddTexts([.. plan.Sharers]),
            row => state.LoadRoomOf(row.GetString(1), row.GetString(0)),
            plan.Sharers.Count,
            cancellationToken);
        var rooms = plan.Rooms.Union(plan.Sharers.SelectMany(state.RoomsOfLoaded)).ToArray();
        await ReadAsync(
            $"SELECT room_id, server, members FROM {_schema}.hosts WHERE room_id = ANY ($1)",
            parameters => parameters.AddTexts(rooms),
            row => state.LoadHost(row.GetString(0), row.GetString(1), row.GetInt64(2)),
            rooms.Length,
            cancellationToken);
        await ReadAsync(
            $"""
            SELECT m.room_id, m.user_id FROM unnest($1, $2) AS k (room_id, user_id)
            JOIN {_schema}.members m USING (room_id, user_id)
            """,
            parameters =>
            {
                parameters.AddTexts([.. plan.Members.Select(member => member.Room)]);
                parameters.AddTexts([.. plan.Members.Select(member => member.User)]);
            },
            row => state.LoadMember(row.GetString(0), row.GetString(1)),
            plan.Members.Count,
            cancellationToken);
        await ReadAsync(
            $"SELECT event_id FROM {_schema}.joins WHERE event_id = ANY ($1)",
            parameters => parameters.AddTexts([.. plan.OlderMembers]),
            row => state.OlderJoins.Add(row.GetString(0)),
            plan.OlderMembers.Count,
            cancellationToken);
        var pending = plan.MaybePending.ToArray();
        await ReadAsync(
            $"SELECT event_id FROM {_schema}.pending WHERE event_id = ANY ($1)",
            parameters => parameters.AddTexts(pending),
            row => state.OlderPending.Add(row.GetString(0)),
            pending.Length,
            cancellationToken);
        await ReadAsync(
            $"""
            SELECT destination, delivered_up_to, failures, failing_since_ms, retry_at_ms, reason
            FROM {_schema}.destinations WHERE failures > 0
            """,
            static _ => { },
            row => state.LoadFailing(row.GetString(0), Read(row)),
            1,
            cancellationToken);
    }

    public async ValueTask WriteAsync(FedSenderState state, CancellationToken cancellationToken)
    {
        await using var commands = new NpgsqlBatch(batch.Connection, batch.Transaction);
        AddIds(commands, "joins", state.Plan.Joins);
        AddIds(commands, "pending", state.Plan.Pending);
        AddMembers(commands, state);
        AddHosts(commands, state);
        AddQueue(commands, state);
        AddDestinations(commands, state);
        if (commands.BatchCommands.Count > 0)
            await commands.ExecuteNonQueryAsync(cancellationToken);
    }

    internal static DestinationRow Read(NpgsqlDataReader row) => new(
        row.GetInt64(1),
        (int)row.GetInt64(2),
        row.GetInt64(3),
        row.GetInt64(4),
        row.IsDBNull(5) ? null : row.GetString(5));

    private void AddIds(NpgsqlBatch commands, string table, HashSet<string> eventIds)
    {
        if (eventIds.Count == 0)
            return;
        commands.Add($"INSERT INTO {_schema}.{table} SELECT unnest($1) ON CONFLICT DO NOTHING")
            .AddTexts([.. eventIds]);
    }

    private void AddMembers(NpgsqlBatch commands, FedSenderState state)
    {
        var joined = state.ChangedMembers.Where(member => state.IsJoined(member.Room, member.User)).ToList();
        var left = state.ChangedMembers.Where(member => !state.IsJoined(member.Room, member.User)).ToList();
        if (left.Count > 0)
        {
            var parameters = commands.Add(
                $"""
                DELETE FROM {_schema}.members m USING unnest($1, $2) AS k (room_id, user_id)
                WHERE m.room_id = k.room_id AND m.user_id = k.user_id
                """);
            parameters.AddTexts([.. left.Select(member => member.Room)]);
            parameters.AddTexts([.. left.Select(member => member.User)]);
        }
        if (joined.Count > 0)
        {
            var parameters = commands.Add(
                $"INSERT INTO {_schema}.members SELECT * FROM unnest($1, $2) ON CONFLICT DO NOTHING");
            parameters.AddTexts([.. joined.Select(member => member.Room)]);
            parameters.AddTexts([.. joined.Select(member => member.User)]);
        }
    }

    private void AddHosts(NpgsqlBatch commands, FedSenderState state)
    {
        if (state.ChangedHosts.Count == 0)
            return;
        var changed = state.ChangedHosts.ToList();
        var gone = commands.Add(
            $"""
            DELETE FROM {_schema}.hosts h USING unnest($1, $2, $3) AS k (room_id, server, members)
            WHERE h.room_id = k.room_id AND h.server = k.server AND k.members = 0
            """);
        AddColumns(gone);
        var upsert = commands.Add(
            $"""
            INSERT INTO {_schema}.hosts SELECT * FROM unnest($1, $2, $3) AS k (room_id, server, members)
            WHERE k.members > 0
            ON CONFLICT (room_id, server) DO UPDATE SET members = excluded.members
            """);
        AddColumns(upsert);

        void AddColumns(NpgsqlParameterCollection parameters)
        {
            parameters.AddTexts([.. changed.Select(host => host.Room)]);
            parameters.AddTexts([.. changed.Select(host => host.Server)]);
            parameters.AddBigInts([.. changed.Select(host => state.CountOf(host.Room, host.Server))]);
        }
    }

    private void AddQueue(NpgsqlBatch commands, FedSenderState state)
    {
        if (state.DeliveredUpTo.Count > 0)
        {
            var parameters = commands.Add(
                $"""
                DELETE FROM {_schema}.queue q USING unnest($1, $2) AS k (destination, up_to)
                WHERE q.destination = k.destination AND q.position <= k.up_to
                """);
            parameters.AddTexts([.. state.DeliveredUpTo.Keys]);
            parameters.AddBigInts([.. state.DeliveredUpTo.Values]);
        }
        if (state.Superseded.Count > 0)
        {
            var parameters = commands.Add(
                $"""
                DELETE FROM {_schema}.queue q USING unnest($1, $2) AS k (destination, room_id)
                WHERE q.destination = k.destination AND q.room_id = k.room_id AND q.is_pdu
                """);
            parameters.AddTexts([.. state.Superseded.Select(pair => pair.Destination)]);
            parameters.AddTexts([.. state.Superseded.Select(pair => pair.Room)]);
        }
        if (state.SupersededSubjects.Count > 0)
        {
            var parameters = commands.Add(
                $"""
                DELETE FROM {_schema}.queue q USING unnest($1, $2) AS k (destination, subject)
                WHERE q.destination = k.destination AND q.subject = k.subject
                """);
            parameters.AddTexts([.. state.SupersededSubjects.Select(pair => pair.Destination)]);
            parameters.AddTexts([.. state.SupersededSubjects.Select(pair => pair.Subject)]);
        }
        var rows = state.Queued.SelectMany(entry => entry.Value.Select(row => (entry.Key, Row: row))).ToList();
        if (rows.Count == 0)
            return;
        var insert = commands.Add(
            $"""
            INSERT INTO {_schema}.queue
                (destination, position, room_id, stream, revision, is_pdu, recorded_ms, subject)
            SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)
            """);
        insert.AddTexts([.. rows.Select(entry => entry.Key)]);
        insert.AddBigInts([.. rows.Select(entry => entry.Row.Position)]);
        insert.AddTexts([.. rows.Select(entry => entry.Row.Room)]);
        insert.AddTexts([.. rows.Select(entry => entry.Row.Stream)]);
        insert.AddBigInts([.. rows.Select(entry => entry.Row.Revision)]);
        insert.AddBooleans([.. rows.Select(entry => entry.Row.IsPdu)]);
        insert.AddBigInts([.. rows.Select(entry => entry.Row.RecordedMs)]);
        insert.AddTexts([.. rows.Select(entry => entry.Row.Subject)]);
    }

    private void AddDestinations(NpgsqlBatch commands, FedSenderState state)
    {
        if (state.ChangedDestinations.Count == 0)
            return;
        var rows = state.ChangedDestinations.ToList();
        var parameters = commands.Add(
            $"""
            INSERT INTO {_schema}.destinations
                (destination, delivered_up_to, failures, failing_since_ms, retry_at_ms, reason)
            SELECT * FROM unnest($1, $2, $3, $4, $5, $6)
            ON CONFLICT (destination) DO UPDATE SET
                delivered_up_to = excluded.delivered_up_to, failures = excluded.failures,
                failing_since_ms = excluded.failing_since_ms, retry_at_ms = excluded.retry_at_ms,
                reason = excluded.reason
            """);
        parameters.AddTexts([.. rows.Select(row => row.Key)]);
        parameters.AddBigInts([.. rows.Select(row => row.Value.DeliveredUpTo)]);
        parameters.AddBigInts([.. rows.Select(row => (long)row.Value.Failures)]);
        parameters.AddBigInts([.. rows.Select(row => row.Value.FailingSinceMs)]);
        parameters.AddBigInts([.. rows.Select(row => row.Value.RetryAtMs)]);
        parameters.AddTexts([.. rows.Select(row => row.Value.Reason)]);
    }

    private async ValueTask ReadAsync(
        string sql,
        Action<NpgsqlParameterCollection> bind,
        Action<NpgsqlDataReader> read,
        int keys,
        CancellationToken cancellationToken)
    {
        if (keys == 0)
            return;
        await using var command = new NpgsqlCommand(sql, batch.Connection, batch.Transaction);
        bind(command.Parameters);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            read(reader);
    }
}
