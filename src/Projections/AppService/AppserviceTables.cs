using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Npgsql;

namespace Matrix.EventSourced.Projections.AppService;

/// <summary>Reads what a batch needs of the tables, and writes what it changed.</summary>
internal sealed class AppserviceTables(ProjectionBatch batch)
{
    private readonly string _schema = batch.Schema;

    public async ValueTask LoadAsync(AppserviceState state, CancellationToken cancellationToken)
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
            $"SELECT room_id, appservice, reasons FROM {_schema}.interest WHERE room_id = ANY ($1)",
            parameters => parameters.AddTexts(rooms),
            row => state.LoadReasons(row.GetString(0), row.GetString(1), row.GetInt64(2)),
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
        await ReadAsync(
            $"""
            SELECT appservice, delivered_up_to, attempt_up_to, failures, failing_since_ms, retry_at_ms, reason
            FROM {_schema}.services
            """,
            static _ => { },
            row => state.LoadService(row.GetString(0), new ServiceRow(
                row.GetInt64(1),
                row.GetInt64(2),
                (int)row.GetInt64(3),
                row.GetInt64(4),
                row.GetInt64(5),
                row.IsDBNull(6) ? null : row.GetString(6))),
            1,
            cancellationToken);
    }

    public async ValueTask WriteAsync(AppserviceState state, CancellationToken cancellationToken)
    {
        await using var commands = new NpgsqlBatch(batch.Connection, batch.Transaction);
        AddMembers(commands, state);
        AddInterest(commands, state);
        AddQueue(commands, state);
        AddServices(commands, state);
        AddListings(commands, state);
        if (commands.BatchCommands.Count > 0)
            await commands.ExecuteNonQueryAsync(cancellationToken);
    }

    private void AddMembers(NpgsqlBatch commands, AppserviceState state)
    {
        if (state.Plan.Joins.Count > 0)
        {
            commands.Add($"INSERT INTO {_schema}.joins SELECT unnest($1) ON CONFLICT DO NOTHING")
                .AddTexts([.. state.Plan.Joins]);
        }
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

    private void AddInterest(NpgsqlBatch commands, AppserviceState state)
    {
        if (state.ChangedInterest.Count == 0)
            return;
        var changed = state.ChangedInterest.ToList();
        AddColumns(commands.Add(
            $"""
            DELETE FROM {_schema}.interest i USING unnest($1, $2, $3) AS k (room_id, appservice, reasons)
            WHERE i.room_id = k.room_id AND i.appservice = k.appservice AND k.reasons <= 0
            """));
        AddColumns(commands.Add(
            $"""
            INSERT INTO {_schema}.interest SELECT * FROM unnest($1, $2, $3) AS k (room_id, appservice, reasons)
            WHERE k.reasons > 0
            ON CONFLICT (room_id, appservice) DO UPDATE SET reasons = excluded.reasons
            """));

        void AddColumns(NpgsqlParameterCollection parameters)
        {
            parameters.AddTexts([.. changed.Select(one => one.Room)]);
            parameters.AddTexts([.. changed.Select(one => one.Service)]);
            parameters.AddBigInts([.. changed.Select(one => state.ReasonsOf(one.Room, one.Service))]);
        }
    }

    private void AddQueue(NpgsqlBatch commands, AppserviceState state)
    {
        if (state.DeliveredUpTo.Count > 0)
        {
            var parameters = commands.Add(
                $"""
                DELETE FROM {_schema}.queue q USING unnest($1, $2) AS k (appservice, up_to)
                WHERE q.appservice = k.appservice AND q.position <= k.up_to
                """);
            parameters.AddTexts([.. state.DeliveredUpTo.Keys]);
            parameters.AddBigInts([.. state.DeliveredUpTo.Values]);
        }
        if (state.SupersededAfter.Count > 0)
        {
            var parameters = commands.Add(
                $"""
                DELETE FROM {_schema}.queue q USING unnest($1, $2, $3) AS k (appservice, subject, after)
                WHERE q.appservice = k.appservice AND q.subject = k.subject AND q.position > k.after
                """);
            parameters.AddTexts([.. state.SupersededAfter.Keys.Select(key => key.Service)]);
            parameters.AddTexts([.. state.SupersededAfter.Keys.Select(key => key.Subject)]);
            parameters.AddBigInts([.. state.SupersededAfter.Values]);
        }
        var rows = state.Queued.SelectMany(entry => entry.Value.Select(row => (entry.Key, Row: row))).ToList();
        if (rows.Count == 0)
            return;
        var insert = commands.Add(
            $"""
            INSERT INTO {_schema}.queue (appservice, position, stream, revision, is_pdu, recorded_ms, subject)
            SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)
            """);
        insert.AddTexts([.. rows.Select(entry => entry.Key)]);
        insert.AddBigInts([.. rows.Select(entry => entry.Row.Position)]);
        insert.AddTexts([.. rows.Select(entry => entry.Row.Stream)]);
        insert.AddBigInts([.. rows.Select(entry => entry.Row.Revision)]);
        insert.AddBooleans([.. rows.Select(entry => entry.Row.IsPdu)]);
        insert.AddBigInts([.. rows.Select(entry => entry.Row.RecordedMs)]);
        insert.AddTexts([.. rows.Select(entry => entry.Row.Subject)]);
    }

    private void AddServices(NpgsqlBatch commands, AppserviceState state)
    {
        if (state.ChangedServices.Count == 0)
            return;
        var rows = state.ChangedServices.ToList();
        var parameters = commands.Add(
            $"""
            INSERT INTO {_schema}.services
                (appservice, delivered_up_to, attempt_up_to, failures, failing_since_ms, retry_at_ms, reason)
            SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (appservice) DO UPDATE SET
                delivered_up_to = excluded.delivered_up_to, attempt_up_to = excluded.attempt_up_to,
                failures = excluded.failures, failing_since_ms = excluded.failing_since_ms,
                retry_at_ms = excluded.retry_at_ms, reason = excluded.reason
            """);
        parameters.AddTexts([.. rows.Select(row => row.Key)]);
        parameters.AddBigInts([.. rows.Select(row => row.Value.DeliveredUpTo)]);
        parameters.AddBigInts([.. rows.Select(row => row.Value.AttemptUpTo)]);
        parameters.AddBigInts([.. rows.Select(row => (long)row.Value.Failures)]);
        parameters.AddBigInts([.. rows.Select(row => row.Value.FailingSinceMs)]);
        parameters.AddBigInts([.. rows.Select(row => row.Value.RetryAtMs)]);
        parameters.AddTexts([.. rows.Select(row => row.Value.Reason)]);
    }

    private void AddListings(NpgsqlBatch commands, AppserviceState state)
    {
        foreach (var ((service, network, room), isListed) in state.ChangedListings)
        {
            var parameters = commands.Add(isListed
                ? $"INSERT INTO {_schema}.listings VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
                : $"DELETE FROM {_schema}.listings WHERE appservice = $1 AND network_id = $2 AND room_id = $3");
            parameters.AddText(service);
            parameters.AddText(network);
            parameters.AddText(room);
        }
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
