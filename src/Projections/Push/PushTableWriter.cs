using Matrix.EventSourced.Projections.Roomserver;
using Npgsql;

namespace Matrix.EventSourced.Projections.Push;

/// <summary>The statements that a batch comes to: one per table, over arrays.</summary>
internal sealed class PushTableWriter(NpgsqlBatch commands, string schema, PushState state)
{
    public void AddAll()
    {
        // What goes does so first: it concerns only what earlier batches wrote.
        AddRedactions();
        AddGone();
        AddState();
        AddMembers();
        AddRules();
        AddThreads();
        AddSent();
        AddShared();
        AddPersonal();
        AddRooms();
    }

    private void AddRedactions()
    {
        if (state.Plan.Redacted.Count == 0)
            return;
        string[] redacted = [.. state.Plan.Redacted];
        foreach (var table in (string[])["shared", "personal", "threads"])
            commands.Add($"DELETE FROM {schema}.{table} WHERE event_id = ANY ($1)").AddTexts(redacted);
        commands.Add(
            $"""
            UPDATE {schema}.members m SET display_name = NULL FROM {schema}.member_events e
            WHERE e.event_id = ANY ($1) AND m.room_id = e.room_id AND m.user_id = e.user_id
                AND m.event_id = e.event_id
            """).AddTexts(redacted);
        commands.Add($"UPDATE {schema}.member_events SET display_name = NULL WHERE event_id = ANY ($1)")
            .AddTexts(redacted);
    }

    private void AddGone()
    {
        if (state.Gone.Count == 0)
            return;
        foreach (var table in (string[])["personal", "sent"])
        {
            var parameters = commands.Add(
                $"""
                DELETE FROM {schema}.{table} t USING unnest($1, $2) AS k (room_id, user_id)
                WHERE t.user_id = k.user_id AND t.room_id = k.room_id
                """);
            parameters.AddTexts([.. state.Gone.Select(member => member.Room)]);
            parameters.AddTexts([.. state.Gone.Select(member => member.User)]);
        }
    }

    private void AddState()
    {
        if (state.NewMemberEvents.Count > 0)
        {
            var rows = state.NewMemberEvents.Select(id => (Id: id, Member: state.FindMemberEvent(id)!)).ToList();
            var parameters = commands.Add(
                $"""
                INSERT INTO {schema}.member_events (event_id, room_id, user_id, membership, display_name)
                SELECT * FROM unnest($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
                """);
            parameters.AddTexts([.. rows.Select(row => row.Id)]);
            parameters.AddTexts([.. rows.Select(row => row.Member.RoomId)]);
            parameters.AddTexts([.. rows.Select(row => row.Member.UserId)]);
            parameters.AddSmallInts([.. rows.Select(row => (short?)row.Member.Membership)]);
            parameters.AddTexts([.. rows.Select(row => row.Member.DisplayName)]);
        }
        if (state.ChangedLevels.Count == 0)
            return;
        var levels = state.ChangedLevels.Select(id => (Id: id, Pdu: state.FindLevels(id)!)).ToList();
        // What is redacted stays so, and a PDU that is recorded again says what it said.
        var upsert = commands.Add(
            $"""
            INSERT INTO {schema}.levels (event_id, room_version, json) SELECT * FROM unnest($1, $2, $3)
            ON CONFLICT (event_id) DO UPDATE SET json = excluded.json WHERE excluded.event_id = ANY ($4)
            """);
        upsert.AddTexts([.. levels.Select(row => row.Id)]);
        upsert.AddTexts([.. levels.Select(row => row.Pdu.Rules.Version)]);
        upsert.AddBytes([.. levels.Select(row => row.Pdu.Json.ToArray())]);
        upsert.AddTexts([.. state.Plan.Redacted]);
    }

    private void AddMembers()
    {
        var kept = state.ChangedMembers
            .Select(key => (Key: key, Member: state.FindMember(key.Room, key.User)))
            .ToList();
        var gone = kept.Where(row => row.Member is null).ToList();
        if (gone.Count > 0)
        {
            var parameters = commands.Add(
                $"""
                DELETE FROM {schema}.members m USING unnest($1, $2) AS k (room_id, user_id)
                WHERE m.room_id = k.room_id AND m.user_id = k.user_id
                """);
            parameters.AddTexts([.. gone.Select(row => row.Key.Room)]);
            parameters.AddTexts([.. gone.Select(row => row.Key.User)]);
        }
        kept.RemoveAll(row => row.Member is null);
        if (kept.Count == 0)
            return;
        var upsert = commands.Add(
            $"""
            INSERT INTO {schema}.members
                (room_id, user_id, membership, display_name, event_id, since_position, has_own_rules)
            SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (room_id, user_id) DO UPDATE SET
                membership = excluded.membership, display_name = excluded.display_name,
                event_id = excluded.event_id, since_position = excluded.since_position,
                has_own_rules = excluded.has_own_rules
            """);
        upsert.AddTexts([.. kept.Select(row => row.Key.Room)]);
        upsert.AddTexts([.. kept.Select(row => row.Key.User)]);
        upsert.AddSmallInts([.. kept.Select(row => (short?)row.Member!.Membership)]);
        upsert.AddTexts([.. kept.Select(row => row.Member!.DisplayName)]);
        upsert.AddTexts([.. kept.Select(row => row.Member!.EventId)]);
        upsert.AddBigInts([.. kept.Select(row => row.Member!.Since)]);
        upsert.AddBooleans([.. kept.Select(row => state.RulesOf(row.Key.User) is not null)]);
    }

    private void AddRules()
    {
        if (state.ChangedRules.Count > 0)
        {
            string[] users = [.. state.ChangedRules];
            var marks = commands.Add(
                $"""
                UPDATE {schema}.members m SET has_own_rules = k.has_own_rules
                FROM unnest($1, $2) AS k (user_id, has_own_rules)
                WHERE m.user_id = k.user_id AND m.has_own_rules <> k.has_own_rules
                """);
            marks.AddTexts(users);
            marks.AddBooleans([.. users.Select(user => state.RulesOf(user) is not null)]);
        }
        var usual = state.ChangedRules.Where(user => state.RulesOf(user) is null).ToArray();
        if (usual.Length > 0)
            commands.Add($"DELETE FROM {schema}.rules WHERE user_id = ANY ($1)").AddTexts(usual);
        var own = state.ChangedRules
            .Select(user => (User: user, Rules: state.RulesOf(user)))
            .Where(row => row.Rules is not null)
            .ToList();
        if (own.Count == 0)
            return;
        var upsert = commands.Add(
            $"""
            INSERT INTO {schema}.rules (user_id, sha256, asks_for_name, rules) SELECT * FROM unnest($1, $2, $3, $4)
            ON CONFLICT (user_id) DO UPDATE SET
                sha256 = excluded.sha256, asks_for_name = excluded.asks_for_name, rules = excluded.rules
            """);
        upsert.AddTexts([.. own.Select(row => row.User)]);
        upsert.AddTexts([.. own.Select(row => row.Rules!.Sha256)]);
        upsert.AddBooleans([.. own.Select(row => row.Rules!.AsksForName)]);
        upsert.AddBytes([.. own.Select(row => row.Rules!.Content.ToArray())]);
    }

    private void AddThreads()
    {
        if (state.NewThreads.Count == 0)
            return;
        var rows = state.NewThreads.Select(id => (Id: id, Place: state.ThreadOf(id))).ToList();
        var parameters = commands.Add(
            $"""
            INSERT INTO {schema}.threads (event_id, root, hops)
            SELECT * FROM unnest($1, $2, $3) ON CONFLICT DO NOTHING
            """);
        parameters.AddTexts([.. rows.Select(row => row.Id)]);
        parameters.AddTexts([.. rows.Select(row => row.Place.Root)]);
        parameters.AddSmallInts([.. rows.Select(row => (short?)row.Place.Hops)]);
    }

    private void AddSent()
    {
        if (state.Sent.Count == 0)
            return;
        var parameters = commands.Add(
            $"""
            INSERT INTO {schema}.sent (user_id, room_id, thread_id, position)
            SELECT * FROM unnest($1, $2, $3, $4)
            ON CONFLICT (user_id, room_id, thread_id) DO UPDATE SET position = excluded.position
            """);
        parameters.AddTexts([.. state.Sent.Keys.Select(key => key.User)]);
        parameters.AddTexts([.. state.Sent.Keys.Select(key => key.Room)]);
        parameters.AddTexts([.. state.Sent.Keys.Select(key => key.Thread)]);
        parameters.AddBigInts([.. state.Sent.Values]);
    }

    private void AddShared()
    {
        if (state.Shared.Count == 0)
            return;
        NotificationRow[] rows = [.. state.Shared.Values];
        var parameters = commands.Add(
            $"""
            INSERT INTO {schema}.shared
                (event_id, room_id, position, ordinal, thread_id, sender, is_highlight, actions, ts)
            SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING
            """);
        AddColumns(parameters, rows);
        parameters.AddBooleans([.. rows.Select(row => row.IsHighlight)]);
        parameters.AddTexts([.. rows.Select(row => row.Actions)]);
        parameters.AddBigInts([.. rows.Select(row => row.Ts)]);
    }

    private void AddPersonal()
    {
        if (state.Personal.Count == 0)
            return;
        NotificationRow[] rows = [.. state.Personal.Values];
        var parameters = commands.Add(
            $"""
            INSERT INTO {schema}.personal (event_id, room_id, position, ordinal, thread_id, sender, is_highlight,
                actions, ts, user_id, notifies)
            SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING
            """);
        AddColumns(parameters, rows);
        parameters.AddBooleans([.. rows.Select(row => row.IsHighlight)]);
        parameters.AddTexts([.. rows.Select(row => row.Actions)]);
        parameters.AddBigInts([.. rows.Select(row => row.Ts)]);
        parameters.AddTexts([.. state.Personal.Keys.Select(key => key.User)]);
        parameters.AddBooleans([.. rows.Select(row => row.Notifies)]);
    }

    private static void AddColumns(NpgsqlParameterCollection parameters, NotificationRow[] rows)
    {
        parameters.AddTexts([.. rows.Select(row => row.EventId)]);
        parameters.AddTexts([.. rows.Select(row => row.RoomId)]);
        parameters.AddBigInts([.. rows.Select(row => row.Position)]);
        parameters.AddBigInts([.. rows.Select(row => row.Ordinal)]);
        parameters.AddTexts([.. rows.Select(row => row.ThreadId)]);
        parameters.AddTexts([.. rows.Select(row => row.Sender)]);
    }

    private void AddRooms()
    {
        PushRoom[] rooms = [.. state.Rooms.Values.Where(room => room.IsChanged)];
        if (rooms.Length > 0)
            AddRooms(rooms);
        PushRoom[] pruned = [.. state.Rooms.Values.Where(room => room.IsToPrune)];
        if (pruned.Length == 0)
            return;
        foreach (var table in (string[])["shared", "personal"])
        {
            var parameters = commands.Add(
                $"""
                DELETE FROM {schema}.{table} t USING unnest($1, $2) AS k (room_id, up_to)
                WHERE t.room_id = k.room_id AND t.ordinal <= k.up_to
                """);
            parameters.AddTexts([.. pruned.Select(room => room.RoomId)]);
            parameters.AddBigInts([.. pruned.Select(room => room.PruneUpTo)]);
        }
    }

    private void AddRooms(PushRoom[] rooms)
    {
        var parameters = commands.Add(
            $"""
            INSERT INTO {schema}.rooms
                (room_id, joined, joined_local, ordinal, levels_id, create_id, redacted_position)
            SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (room_id) DO UPDATE SET
                joined = excluded.joined, joined_local = excluded.joined_local, ordinal = excluded.ordinal,
                levels_id = excluded.levels_id, create_id = excluded.create_id,
                redacted_position = excluded.redacted_position
            """);
        parameters.AddTexts([.. rooms.Select(room => room.RoomId)]);
        parameters.AddBigInts([.. rooms.Select(room => room.Joined)]);
        parameters.AddBigInts([.. rooms.Select(room => room.JoinedLocal)]);
        parameters.AddBigInts([.. rooms.Select(room => room.Ordinal)]);
        parameters.AddTexts([.. rooms.Select(room => room.LevelsId)]);
        parameters.AddTexts([.. rooms.Select(room => room.CreateId)]);
        parameters.AddBigInts([.. rooms.Select(room => room.RedactedPosition)]);
    }
}
