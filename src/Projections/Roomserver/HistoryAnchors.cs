using Matrix.EventSourced.Facts.Roomserver;
using Npgsql;

namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>Finds where on the timeline fetched history belongs: before what cites it.</summary>
/// <remarks>
/// Where several PDUs cite it, before the first of them. The links are those that were open when the PDU was recorded,
/// so that any split of the log into batches finds the same. Cost: nothing without such PDUs; one round trip else.
/// </remarks>
internal sealed class HistoryAnchors(
    RoomserverRows rows, string schema, NpgsqlConnection connection, NpgsqlTransaction transaction)
{
    private readonly Dictionary<string, long> _eventIdToAnchor = new(StringComparer.Ordinal);

    public async ValueTask FillAsync(CancellationToken cancellationToken)
    {
        var ids = new List<string>();
        foreach (var row in rows.Received)
        {
            if (row.Fact.Disposition == PduDisposition.Backfilled)
                ids.Add(row.EventId);
        }
        if (ids.Count == 0)
            return;
        await ReadAsync(ids, cancellationToken);
        foreach (var row in rows.Received)
        {
            if (row.Fact.Disposition == PduDisposition.Backfilled
                && _eventIdToAnchor.TryGetValue(row.EventId, out var anchor))
            {
                row.HistoryAnchor = anchor;
            }
            if (row.Fact.Disposition is not (PduDisposition.Accepted or PduDisposition.Backfilled))
                continue;
            foreach (var prevEvent in row.Pdu.PrevEvents)
                Cite(prevEvent.Value, row.Anchor);
        }
    }

    private void Cite(string eventId, long anchor) =>
        _eventIdToAnchor[eventId] = Math.Min(anchor, _eventIdToAnchor.GetValueOrDefault(eventId, long.MaxValue));

    private async ValueTask ReadAsync(List<string> ids, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            $"""
            SELECT m.event_id, min(p.anchor)
            FROM unnest($1, $2) AS u (room_id, event_id)
            JOIN {schema}.missing_links m ON m.room_id = u.room_id AND m.event_id = u.event_id
            JOIN {schema}.pdus p ON p.event_id = m.cited_by AND p.room_id = m.room_id AND p.disposition IN (0, 4)
            GROUP BY m.event_id
            """,
            connection,
            transaction);
        command.Parameters.AddTexts([.. ids.Select(id => rows.FindPdu(id)!.RoomId)]);
        command.Parameters.AddTexts([.. ids]);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            Cite(reader.GetString(0), reader.GetInt64(1));
    }
}
