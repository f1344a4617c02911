using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Npgsql;

namespace Matrix.EventSourced.Projections.Push;

/// <summary>Reads what a batch needs of the tables, and writes what it changed.</summary>
/// <remarks>Cost: two round trips to read (a third where rules are not in memory), one to write, whatever the number of
/// facts and members.</remarks>
internal sealed class PushTables(ProjectionBatch batch)
{
    private readonly string _schema = batch.Schema;

    public async ValueTask LoadAsync(PushState state, PushRulesOf rules, CancellationToken cancellationToken)
    {
        var userToSha = new Dictionary<string, string>(StringComparer.Ordinal);
        var levelIds = new HashSet<string>(state.Plan.Redacted.Concat(state.Plan.OlderState), StringComparer.Ordinal);
        await LoadRoomsAsync(state, userToSha, levelIds, cancellationToken);
        var shaToRules = new Dictionary<string, OwnRules>(StringComparer.Ordinal);
        var missing = new HashSet<string>(StringComparer.Ordinal);
        foreach (var sha in userToSha.Values)
        {
            if (shaToRules.ContainsKey(sha) || missing.Contains(sha))
                continue;
            if (rules.FindKept(sha) is { } kept)
                shaToRules[sha] = kept;
            else
                missing.Add(sha);
        }
        await LoadDetailsAsync(state, shaToRules, missing, levelIds, cancellationToken);
        foreach (var (user, sha) in userToSha)
            state.LoadRules(user, shaToRules[sha]);
    }

    private async ValueTask LoadRoomsAsync(
        PushState state,
        Dictionary<string, string> userToSha,
        HashSet<string> levelIds,
        CancellationToken cancellationToken)
    {
        var plan = state.Plan;
        string[] rooms = [.. plan.Rooms];
        string[] notifying = [.. plan.NotifyingRooms];
        var reads = new Reads();
        reads.Add(
            $"""
            SELECT room_id, joined, joined_local, ordinal, levels_id, create_id, redacted_position
            FROM {_schema}.rooms WHERE room_id = ANY ($1)
            """,
            rooms.Length,
            parameters => parameters.AddTexts(rooms),
            row => LoadRoom(state, levelIds, row));
        // The rules of a room's members, by an index of their own: the work grows with those who changed theirs, and
        // with nobody else.
        reads.Add(
            $"""
            SELECT m.room_id, m.user_id, m.membership, m.display_name, m.event_id, m.since_position, r.sha256
            FROM {_schema}.members m JOIN {_schema}.rules r USING (user_id)
            WHERE m.room_id = ANY ($1) AND m.has_own_rules AND m.membership = {(int)Membership.Join}
            """,
            notifying.Length,
            parameters => parameters.AddTexts(notifying),
            row =>
            {
                LoadMember(state, row);
                userToSha[row.GetString(1)] = row.GetString(6);
                state.RoomOf(row.GetString(0)).WithOwnRules.Add(row.GetString(1));
            });
        reads.Add(
            $"SELECT user_id, sha256 FROM {_schema}.rules WHERE user_id = ANY ($1)",
            plan.RuleUsers.Count,
            parameters => parameters.AddTexts([.. plan.RuleUsers]),
            row => userToSha[row.GetString(0)] = row.GetString(1));
        await reads.RunAsync(batch, cancellationToken);
    }

    private async ValueTask LoadDetailsAsync(
        PushState state,
        Dictionary<string, OwnRules> shaToRules,
        HashSet<string> missingRules,
        HashSet<string> levelIds,
        CancellationToken cancellationToken)
    {
        var plan = state.Plan;
        const string columns = "m.room_id, m.user_id, m.membership, m.display_name, m.event_id, m.since_position";
        var reads = new Reads();
        reads.Add(
            $"""
            SELECT {columns} FROM unnest($1, $2) AS k (room_id, user_id)
            JOIN {_schema}.members m USING (room_id, user_id)
            """,
            plan.Members.Count,
            parameters =>
            {
                parameters.AddTexts([.. plan.Members.Select(member => member.Room)]);
                parameters.AddTexts([.. plan.Members.Select(member => member.User)]);
            },
            row => LoadMember(state, row));
        reads.Add(
            $"SELECT {columns} FROM {_schema}.members m WHERE m.user_id = ANY ($1) AND m.room_id = ANY ($2)",
            plan.RuleSetters.Count,
            parameters =>
            {
                parameters.AddTexts([.. plan.RuleSetters]);
                parameters.AddTexts([.. plan.Rooms]);
            },
            row => LoadMember(state, row));
        reads.Add(
            $"""
            SELECT event_id, room_id, user_id, membership, display_name
            FROM {_schema}.member_events WHERE event_id = ANY ($1)
            """,
            plan.OlderState.Count,
            parameters => parameters.AddTexts([.. plan.OlderState]),
            row => state.LoadMemberEvent(
                row.GetString(0),
                new(row.GetString(1), row.GetString(2), (Membership)row.GetInt16(3), TextOf(row, 4))));
        reads.Add(
            $"SELECT event_id, room_version, json FROM {_schema}.levels WHERE event_id = ANY ($1)",
            levelIds.Count,
            parameters => parameters.AddTexts([.. levelIds]),
            row => state.LoadLevels(row.GetString(0), Parse(row)));
        reads.Add(
            $"SELECT event_id, root, hops FROM {_schema}.threads WHERE event_id = ANY ($1)",
            plan.Parents.Count,
            parameters => parameters.AddTexts([.. plan.Parents]),
            row => state.LoadThread(row.GetString(0), new(row.GetString(1), row.GetInt16(2))));
        reads.Add(
            $"""
            SELECT DISTINCT ON (sha256) sha256, asks_for_name, rules FROM {_schema}.rules WHERE sha256 = ANY ($1)
            """,
            missingRules.Count,
            parameters => parameters.AddTexts([.. missingRules]),
            row => shaToRules[row.GetString(0)] = new(
                row.GetString(0), row.GetBoolean(1), row.GetFieldValue<byte[]>(2)));
        await reads.RunAsync(batch, cancellationToken);
    }

    private static void LoadRoom(PushState state, HashSet<string> levelIds, NpgsqlDataReader row)
    {
        var room = new PushRoom(row.GetString(0))
        {
            Joined = row.GetInt64(1),
            JoinedLocal = row.GetInt64(2),
            Ordinal = row.GetInt64(3),
            LoadedOrdinal = row.GetInt64(3),
            LevelsId = TextOf(row, 4),
            CreateId = TextOf(row, 5),
            RedactedPosition = row.GetInt64(6),
        };
        state.Rooms[room.RoomId] = room;
        if (room.LevelsId is { } levels)
            levelIds.Add(levels);
        if (room.CreateId is { } create)
            levelIds.Add(create);
    }

    private static void LoadMember(PushState state, NpgsqlDataReader row) => state.LoadMember(
        row.GetString(0),
        row.GetString(1),
        new((Membership)row.GetInt16(2), TextOf(row, 3), row.GetString(4), row.GetInt64(5)));

    private static Pdu Parse(NpgsqlDataReader row) => PduParser.ParseStored(
        row.GetFieldValue<byte[]>(2),
        RoomVersionRules.Find(row.GetString(1)) ?? throw new InvalidOperationException(
            $"Stored room version {row.GetString(1)} is unknown."),
        EventId.Parse(row.GetString(0)));

    private static string? TextOf(NpgsqlDataReader row, int column) =>
        row.IsDBNull(column) ? null : row.GetString(column);

    public async ValueTask WriteAsync(PushState state, CancellationToken cancellationToken)
    {
        await using var commands = new NpgsqlBatch(batch.Connection, batch.Transaction);
        var writer = new PushTableWriter(commands, _schema, state);
        writer.AddAll();
        if (commands.BatchCommands.Count == 0)
            return;
        await commands.PrepareAsync(cancellationToken);
        await commands.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Several reads in one round trip; those without keys are left out.</summary>
    private sealed class Reads
    {
        private readonly List<(
            string Sql, Action<NpgsqlParameterCollection> Bind, Action<NpgsqlDataReader> Row)> _all = [];

        public void Add(
            string sql, int keys, Action<NpgsqlParameterCollection> bind, Action<NpgsqlDataReader> row)
        {
            if (keys > 0)
                _all.Add((sql, bind, row));
        }

        public async ValueTask RunAsync(ProjectionBatch of, CancellationToken cancellationToken)
        {
            if (_all.Count == 0)
                return;
            await using var commands = new NpgsqlBatch(of.Connection, of.Transaction);
            foreach (var (sql, bind, _) in _all)
                bind(commands.Add(sql));
            await commands.PrepareAsync(cancellationToken);
            await using var reader = await commands.ExecuteReaderAsync(cancellationToken);
            foreach (var (_, _, row) in _all)
            {
                while (await reader.ReadAsync(cancellationToken))
                    row(reader);
                await reader.NextResultAsync(cancellationToken);
            }
        }
    }
}
