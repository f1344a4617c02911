// HOT
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Npgsql;

namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>Writes a batch's rows in one round trip (two when state nodes or older PDUs have to be looked at
/// first).</summary>
/// <remarks>
/// Each table's rows are one statement over arrays, prepared once per connection: a batch of one message is one
/// INSERT, a batch of a thousand too.
/// INVARIANT: the order of the statements matters. PDUs look up what they replace before the state moves on, and state
/// rows
/// take memberships from the PDUs.
/// </remarks>
internal sealed class RoomserverBatchWriter(
    RoomserverRows rows,
    RoomserverSql sql,
    NpgsqlConnection connection,
    NpgsqlTransaction transaction)
{
    private readonly List<OlderRedaction> _olderRedactions = [];

    /// <summary>What the batch redacted, for those who keep PDUs in memory: target, new content, redaction.</summary>
    public List<OlderRedaction> Redacted { get; } = [];

    public async ValueTask WriteAsync(CancellationToken cancellationToken)
    {
        if (rows.Redactions.Count > 0)
            await RedactAsync(cancellationToken);
        await new PastVisibilities(rows, sql.Schema, connection, transaction).FillAsync(cancellationToken);
        await new HistoryAnchors(rows, sql.Schema, connection, transaction).FillAsync(cancellationToken);
        await using var batch = new NpgsqlBatch(connection, transaction);
        var hasStatePdus = AddPdus(batch);
        var hasLinks = AddGraph(batch);
        AddRedactionsInWaiting(batch);
        AddState(batch);
        AddMemberships(batch);
        AddForgotten(batch);
        AddRooms(batch);
        AddAliases(batch);
        AddPublicRooms(batch);
        AddRedactions(batch);
        if (batch.BatchCommands.Count == 0)
            return;
        await batch.PrepareAsync(cancellationToken);
        if (!hasStatePdus && !hasLinks)
        {
            await batch.ExecuteNonQueryAsync(cancellationToken);
            return;
        }
        // The state PDUs are the first statement, and say what they replaced; after them only the links say something.
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        if (hasStatePdus)
            await ReadReplacedAsync(reader, cancellationToken);
        if (hasLinks && (!hasStatePdus || await reader.NextResultAsync(cancellationToken)))
            await ReadGapsAsync(reader, cancellationToken);
        while (await reader.NextResultAsync(cancellationToken))
        {
        }
    }

    private async ValueTask ReadReplacedAsync(NpgsqlDataReader reader, CancellationToken cancellationToken)
    {
        while (await reader.ReadAsync(cancellationToken))
        {
            if (!reader.IsDBNull(1) && rows.FindPdu(reader.GetString(0)) is { } row)
                row.Replaces = reader.GetString(1);
        }
    }

    private async ValueTask ReadGapsAsync(NpgsqlDataReader reader, CancellationToken cancellationToken)
    {
        while (await reader.ReadAsync(cancellationToken))
        {
            if (rows.FindPdu(reader.GetString(0)) is { } row)
                row.IsAfterGap = true;
        }
    }

    /// <summary>Redacts within the batch, and reads the redacted PDUs of earlier batches. The first redaction of a PDU
    /// stays its reason.</summary>
    private async ValueTask RedactAsync(CancellationToken cancellationToken)
    {
        var targetToRedaction = new Dictionary<string, RedactionRow>();
        foreach (var redaction in rows.Redactions)
        {
            if (rows.FindPdu(redaction.Target) is not { } row)
                targetToRedaction.TryAdd(redaction.Target, redaction);
            else if (row.RedactedBy is null)
                RedactRow(row, redaction);
        }
        if (targetToRedaction.Count == 0)
            return;
        await using var command = new NpgsqlCommand(sql.SelectToRedact, connection, transaction);
        command.Parameters.AddTexts([.. targetToRedaction.Keys]);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var target = reader.GetString(0);
            var pdu = Parse(reader.GetFieldValue<byte[]>(2), reader.GetString(1), target);
            var redacted = new OlderRedaction(target, Redaction.Redact(pdu), targetToRedaction[target].RedactedBy);
            _olderRedactions.Add(redacted);
            Redacted.Add(redacted);
        }
    }

    private void RedactRow(PduRow row, RedactionRow redaction)
    {
        row.Redact(Redaction.Redact(row.Pdu), redaction.RedactedBy);
        Redacted.Add(new(row.EventId, row.Json, redaction.RedactedBy));
    }

    private static Pdu Parse(byte[] json, string roomVersion, string eventId) => PduParser.ParseStored(
        json,
        RoomVersionRules.Find(roomVersion) ?? throw new InvalidOperationException(
            $"Stored room version {roomVersion} is unknown."),
        EventId.Parse(eventId));

    private bool AddPdus(NpgsqlBatch batch)
    {
        var stateful = new List<PduRow>();
        var plain = new List<PduRow>();
        foreach (var row in rows.Pdus)
            (row.StateKey is null ? plain : stateful).Add(row);
        if (stateful.Count > 0)
        {
            var command = AddPduColumns(batch, sql.InsertStatePdus, stateful);
            command.Parameters.AddTexts(Column(stateful, row => row.StateKey));
            command.Parameters.AddSmallInts(Column(stateful, row => (short?)row.Membership));
            command.Parameters.AddTexts(Column(stateful, row => row.Replaces));
            command.Parameters.AddBooleans(Column(stateful, row => row.ReplacesIsInTable));
            command.Parameters.AddBytes(
                Column(stateful, row => row.Fact.StrippedState is { } state ? state.Utf8.ToArray() : null));
        }
        if (plain.Count > 0)
            AddPduColumns(batch, sql.InsertPlainPdus, plain);
        return stateful.Count > 0;
    }

    private static NpgsqlBatchCommand AddPduColumns(NpgsqlBatch batch, string text, List<PduRow> pdus)
    {
        var command = batch.CreateBatchCommand();
        command.CommandText = text;
        batch.BatchCommands.Add(command);
        var parameters = command.Parameters;
        parameters.AddTexts(Column(pdus, row => row.EventId));
        parameters.AddTexts(Column(pdus, row => row.RoomId));
        parameters.AddBigInts(Column(pdus, row => row.Position));
        parameters.AddBigInts(Column(pdus, row => row.Anchor));
        parameters.AddBigInts(Column(pdus, row => row.Pdu.Depth));
        parameters.AddBigInts(Column(pdus, row => row.Pdu.OriginServerTs));
        parameters.AddSmallInts(Column(pdus, row => (short?)row.Fact.Disposition));
        parameters.AddBooleans(Column(pdus, row => row.HasUrl));
        parameters.AddNullableBigInts(Column(pdus, row => row.TransactionKey));
        parameters.AddTexts(Column(pdus, row => row.RoomVersion));
        parameters.AddTexts(Column(pdus, row => row.Pdu.Type));
        parameters.AddTexts(Column(pdus, row => row.Pdu.Sender.Value));
        parameters.AddBytes(Column(pdus, row => row.Fact.StateBefore.ToBytes()));
        parameters.AddTexts(Column(pdus, row => row.RedactedBy));
        parameters.AddTexts(Column(pdus, row => row.Fact.DeviceId));
        parameters.AddTexts(Column(pdus, row => row.Fact.TransactionScope));
        parameters.AddTexts(Column(pdus, row => row.Fact.TransactionId));
        parameters.AddBytes(Column(pdus, row => row.Json.ToArray()));
        parameters.AddSmallInts(Column(pdus, row => (short?)row.Visibility));
        return command;
    }

    private bool AddGraph(NpgsqlBatch batch)
    {
        if (rows.AuthEdges.Count > 0)
        {
            var edges = batch.Add(sql.InsertAuthEdges);
            edges.AddTexts(Column(rows.AuthEdges, edge => edge.Citing.RoomId));
            edges.AddTexts(Column(rows.AuthEdges, edge => edge.AuthEventId));
            edges.AddBigInts(Column(rows.AuthEdges, edge => edge.Position));
            edges.AddTexts(Column(rows.AuthEdges, edge => edge.Citing.EventId));
            edges.AddTexts(Column(rows.AuthEdges, edge => edge.Citing.Pdu.Type));
            edges.AddTexts(Column(rows.AuthEdges, edge => edge.Citing.StateKey));
        }
        if (rows.Received.Count == 0)
            return false;
        var links = new List<(PduRow Citing, string EventId)>();
        foreach (var row in rows.Received)
        {
            foreach (var prevEvent in row.Pdu.PrevEvents)
                links.Add((row, prevEvent.Value));
        }
        var insert = batch.Add(sql.InsertMissingLinks);
        insert.AddTexts(Column(links, link => link.Citing.RoomId));
        insert.AddTexts(Column(links, link => link.EventId));
        insert.AddTexts(Column(links, link => link.Citing.EventId));
        insert.AddBigInts(Column(links, link => link.Citing.Position));
        insert.AddBooleans(Column(links, link => link.Citing.Fact.Disposition == PduDisposition.Accepted));
        var delete = batch.Add(sql.DeleteMissingLinks);
        delete.AddTexts(Column(rows.Received, row => row.RoomId));
        delete.AddTexts(Column(rows.Received, row => row.EventId));
        delete.AddBooleans(Column(rows.Received, row => row.Fact.Disposition == PduDisposition.Backfilled));
        return true;
    }

    private void AddRedactionsInWaiting(NpgsqlBatch batch)
    {
        var waiting = rows.RedactionsInWaiting;
        if (waiting.Count == 0)
            return;
        var insert = batch.Add(sql.InsertRedactionsInWaiting);
        insert.AddTexts(Column(waiting, row => row.Redaction.RoomId));
        insert.AddBigInts(Column(waiting, row => row.Position));
        insert.AddTexts(Column(waiting, row => row.Target));
        insert.AddTexts(Column(waiting, row => row.Redaction.EventId));
    }

    private void AddState(NpgsqlBatch batch)
    {
        if (!rows.HasState)
            return;
        var first = new List<StateRow>();
        var values = new List<StateRow>();
        foreach (var tuple in rows.StateByTuple)
        {
            first.Add(tuple[0]);
            foreach (var value in tuple)
            {
                if (value.EventId is not null)
                    values.Add(value);
            }
        }
        var close = batch.Add(sql.CloseState);
        close.AddTexts(Column(first, row => row.RoomId));
        close.AddTexts(Column(first, row => row.Tuple.Type));
        close.AddTexts(Column(first, row => row.Tuple.StateKey));
        close.AddBigInts(Column(first, row => row.FromPosition));
        if (values.Count == 0)
            return;
        var insert = batch.Add(sql.InsertState);
        insert.AddTexts(Column(values, row => row.RoomId));
        insert.AddTexts(Column(values, row => row.Tuple.Type));
        insert.AddTexts(Column(values, row => row.Tuple.StateKey));
        insert.AddTexts(Column(values, row => row.EventId));
        insert.AddBigInts(Column(values, row => row.FromPosition));
        insert.AddBigInts(Column(values, row => row.ToPosition));
        insert.AddSmallInts(Column(values, row => (short?)row.Membership));
    }

    private void AddMemberships(NpgsqlBatch batch)
    {
        var set = new List<KeyValuePair<(string User, string Room), MembershipRow>>();
        foreach (var entry in rows.Memberships)
        {
            if (entry.Value.IsSet)
                set.Add(entry);
        }
        if (set.Count == 0)
            return;
        var parameters = batch.Add(sql.UpsertMemberships);
        parameters.AddTexts(Column(set, entry => entry.Key.User));
        parameters.AddTexts(Column(set, entry => entry.Key.Room));
        parameters.AddSmallInts(Column(set, entry => (short?)entry.Value.Value));
        parameters.AddBooleans(Column(set, entry => entry.Value.IsForgotten));
        parameters.AddBigInts(Column(set, entry => entry.Value.Position));
        parameters.AddBigInts(Column(set, entry => entry.Value.Since));
        parameters.AddTexts(Column(set, entry => entry.Value.EventId));
        parameters.AddBooleans(Column(set, entry => entry.Value.IsOneRun));
    }

    private void AddForgotten(NpgsqlBatch batch)
    {
        var forgotten = new List<(string User, string Room)>();
        foreach (var (key, row) in rows.Memberships)
        {
            if (row is { IsSet: false, IsForgotten: true })
                forgotten.Add(key);
        }
        if (forgotten.Count == 0)
            return;
        var parameters = batch.Add(sql.Forget);
        parameters.AddTexts(Column(forgotten, key => key.User));
        parameters.AddTexts(Column(forgotten, key => key.Room));
    }

    private void AddRooms(NpgsqlBatch batch)
    {
        if (rows.Rooms.Count == 0)
            return;
        var parameters = batch.Add(sql.InsertRooms);
        parameters.AddTexts(Column(rows.Rooms, row => row.RoomId));
        parameters.AddTexts(Column(rows.Rooms, row => row.RoomVersion));
        parameters.AddBigInts(Column(rows.Rooms, row => row.Position));
    }

    private void AddAliases(NpgsqlBatch batch)
    {
        foreach (var (alias, row) in rows.Aliases)
        {
            if (row.RoomId is null)
            {
                batch.Add(sql.DeleteAlias).AddText(alias);
                continue;
            }
            var parameters = batch.Add(sql.UpsertAlias);
            parameters.AddText(alias);
            parameters.AddText(row.RoomId);
            parameters.AddText(row.Creator);
            parameters.AddBigInt(row.Position);
        }
    }

    private void AddPublicRooms(NpgsqlBatch batch)
    {
        foreach (var (room, (isPublic, position)) in rows.PublicRooms)
        {
            var parameters = batch.Add(isPublic ? sql.InsertPublicRoom : sql.DeletePublicRoom);
            parameters.AddText(room);
            if (isPublic)
                parameters.AddBigInt(position);
        }
    }

    private void AddRedactions(NpgsqlBatch batch)
    {
        if (_olderRedactions.Count == 0)
            return;
        var parameters = batch.Add(sql.RedactPdus);
        parameters.AddTexts(Column(_olderRedactions, row => row.Target));
        parameters.AddTexts(Column(_olderRedactions, row => row.RedactedBy));
        parameters.AddBytes(Column(_olderRedactions, row => row.Json.ToArray()));
    }

    private static T[] Column<TRow, T>(List<TRow> source, Func<TRow, T> select)
    {
        var column = new T[source.Count];
        for (var index = 0; index < column.Length; index++)
            column[index] = select(source[index]);
        return column;
    }
}

/// <summary>A PDU whose content was taken out, and by which redaction.</summary>
internal sealed record OlderRedaction(string Target, ReadOnlyMemory<byte> Json, string RedactedBy);
