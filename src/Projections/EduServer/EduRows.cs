using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Npgsql;

namespace Matrix.EventSourced.Projections.EduServer;

/// <summary>What a batch leaves behind: the last fact about each room's typists, each receipt and each user.</summary>
internal sealed class EduRows
{
    private readonly Dictionary<string, (TypingChanged Fact, long Position)> _typing = new(StringComparer.Ordinal);
    private readonly Dictionary<(string, string, string, string), (ReceiptRecorded Fact, long Position)> _receipts = [];
    private readonly Dictionary<string, (PresenceChanged Fact, long Position)> _presence = new(StringComparer.Ordinal);

    public static EduRows From(IReadOnlyList<DecodedRecord> facts)
    {
        var rows = new EduRows();
        foreach (var record in facts)
        {
            var position = (long)record.Record.Position.Value;
            switch (record.Fact)
            {
                case TypingChanged typing:
                    rows._typing[typing.RoomId.Value] = (typing, position);
                    break;
                case ReceiptRecorded receipt:
                    rows._receipts[(
                        receipt.RoomId.Value, receipt.UserId.Value, receipt.Type, receipt.ThreadId ?? string.Empty)] =
                        (receipt, position);
                    break;
                case PresenceChanged presence:
                    rows._presence[presence.UserId.Value] = (presence, position);
                    break;
            }
        }
        return rows;
    }

    public async ValueTask WriteAsync(ProjectionBatch batch, CancellationToken cancellationToken)
    {
        await using var commands = new NpgsqlBatch(batch.Connection, batch.Transaction);
        AddTyping(commands, batch.Schema);
        AddReceipts(commands, batch.Schema);
        AddPresence(commands, batch.Schema);
        if (commands.BatchCommands.Count > 0)
            await commands.ExecuteNonQueryAsync(cancellationToken);
    }

    private void AddTyping(NpgsqlBatch commands, string schema)
    {
        if (_typing.Count == 0)
            return;
        string[] rooms = [.. _typing.Keys];
        var upsert = commands.Add(
            $"""
            INSERT INTO {schema}.typing SELECT * FROM unnest($1, $2)
            ON CONFLICT (room_id) DO UPDATE SET position = excluded.position
            """);
        upsert.AddTexts(rooms);
        upsert.AddBigInts([.. _typing.Values.Select(row => row.Position)]);
        commands.Add($"DELETE FROM {schema}.typists WHERE room_id = ANY ($1)").AddTexts(rooms);
        var typists = _typing.SelectMany(entry => entry.Value.Fact.Typists.IsDefault
            ? []
            : entry.Value.Fact.Typists.Select((typist, place) => (Room: entry.Key, Place: (long)place, typist)))
            .ToList();
        if (typists.Count == 0)
            return;
        var insert = commands.Add($"INSERT INTO {schema}.typists SELECT * FROM unnest($1, $2, $3, $4)");
        insert.AddTexts([.. typists.Select(row => row.Room)]);
        insert.AddBigInts([.. typists.Select(row => row.Place)]);
        insert.AddTexts([.. typists.Select(row => row.typist.UserId.Value)]);
        insert.AddBigInts([.. typists.Select(row => row.typist.UntilMs)]);
    }

    private void AddReceipts(NpgsqlBatch commands, string schema)
    {
        if (_receipts.Count == 0)
            return;
        var rows = _receipts.Values.ToList();
        var upsert = commands.Add(
            $"""
            INSERT INTO {schema}.receipts (room_id, user_id, type, thread_id, event_id, ts, position)
            SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (room_id, user_id, type, thread_id) DO UPDATE SET
                event_id = excluded.event_id, ts = excluded.ts, position = excluded.position
            """);
        upsert.AddTexts([.. rows.Select(row => row.Fact.RoomId.Value)]);
        upsert.AddTexts([.. rows.Select(row => row.Fact.UserId.Value)]);
        upsert.AddTexts([.. rows.Select(row => row.Fact.Type)]);
        upsert.AddTexts([.. rows.Select(row => row.Fact.ThreadId ?? string.Empty)]);
        upsert.AddTexts([.. rows.Select(row => row.Fact.EventId.Value)]);
        upsert.AddBigInts([.. rows.Select(row => row.Fact.Ts)]);
        upsert.AddBigInts([.. rows.Select(row => row.Position)]);
    }

    private void AddPresence(NpgsqlBatch commands, string schema)
    {
        if (_presence.Count == 0)
            return;
        var rows = _presence.Values.ToList();
        var upsert = commands.Add(
            $"""
            INSERT INTO {schema}.presence (
                user_id, presence, status_msg, last_active_ms, currently_active, changed_at_ms, position)
            SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (user_id) DO UPDATE SET
                presence = excluded.presence, status_msg = excluded.status_msg,
                last_active_ms = excluded.last_active_ms, currently_active = excluded.currently_active,
                changed_at_ms = excluded.changed_at_ms, position = excluded.position
            """);
        upsert.AddTexts([.. rows.Select(row => row.Fact.UserId.Value)]);
        upsert.AddSmallInts([.. rows.Select(row => (short?)row.Fact.Presence)]);
        upsert.AddTexts([.. rows.Select(row => row.Fact.StatusMsg)]);
        upsert.AddBigInts([.. rows.Select(row => row.Fact.LastActiveMs)]);
        upsert.AddBooleans([.. rows.Select(row => row.Fact.IsCurrentlyActive)]);
        upsert.AddBigInts([.. rows.Select(row => row.Fact.ChangedAtMs)]);
        upsert.AddBigInts([.. rows.Select(row => row.Position)]);
    }
}
