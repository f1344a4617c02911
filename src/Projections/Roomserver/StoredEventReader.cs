using Matrix.EventSourced.Facts.Roomserver;
using Npgsql;

namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>How every query reads PDUs: one column list, one reader.</summary>
internal static class StoredEventReader
{
    /// <summary>For a query over <c>pdus p</c> with <see cref="Joins"/>.</summary>
    public const string Columns =
        """
        p.room_id, p.event_id, p.room_version, p.position, p.type, p.state_key, p.sender, p.origin_server_ts, p.has_url,
            p.membership, p.json, p.device_id, p.txn_id, p.replaces, p.redacted_by, replaced.json, redaction.json,
            p.visibility, p.anchor, p.txn_scope
        """;

    public static string Joins(string schema) =>
        $"""
        LEFT JOIN {schema}.pdus replaced ON replaced.event_id = p.replaces
            LEFT JOIN {schema}.pdus redaction ON redaction.event_id = p.redacted_by
        """;

    public const int ColumnCount = 20;

    public static StoredEvent Read(NpgsqlDataReader reader, int first = 0)
    {
        var roomVersion = reader.GetString(first + 2);
        var replaces = TextOrNull(reader, first + 13);
        var redactedBy = TextOrNull(reader, first + 14);
        return new()
        {
            RoomId = reader.GetString(first),
            EventId = reader.GetString(first + 1),
            RoomVersion = string.IsInterned(roomVersion) ?? roomVersion,
            Position = reader.GetInt64(first + 3),
            Type = reader.GetString(first + 4),
            StateKey = TextOrNull(reader, first + 5),
            Sender = reader.GetString(first + 6),
            OriginServerTs = reader.GetInt64(first + 7),
            HasUrl = reader.GetBoolean(first + 8),
            Membership = reader.IsDBNull(first + 9) ? null : (Membership)reader.GetInt16(first + 9),
            Json = reader.GetFieldValue<byte[]>(first + 10),
            DeviceId = TextOrNull(reader, first + 11),
            TransactionId = TextOrNull(reader, first + 12),
            IsDelayed = TextOrNull(reader, first + 19) == TransactionScopes.DelayedEvent,
            Replaces = replaces,
            Replaced = Body(reader, first + 15, replaces, roomVersion),
            RedactedBy = redactedBy,
            Redaction = Body(reader, first + 16, redactedBy, roomVersion),
            Visibility = reader.IsDBNull(first + 17) ? null : (HistoryVisibility)reader.GetInt16(first + 17),
            HistoryAnchor = reader.IsDBNull(first + 17) ? null : reader.GetInt64(first + 18),
        };
    }

    private static StoredEventBody? Body(NpgsqlDataReader reader, int column, string? eventId, string roomVersion) =>
        eventId is null || reader.IsDBNull(column)
            ? null
            : new StoredEventBody(eventId, roomVersion, reader.GetFieldValue<byte[]>(column));

    private static string? TextOrNull(NpgsqlDataReader reader, int column) =>
        reader.IsDBNull(column) ? null : reader.GetString(column);
}
