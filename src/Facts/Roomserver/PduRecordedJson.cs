using System.Collections.Immutable;
using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Facts.Roomserver;

/// <summary>Writes and reads <see cref="PduRecorded"/>, the fact that nearly the whole log consists of.</summary>
/// <remarks>
/// Shape: one object; a state entry is <c>[type, state_key, event_id]</c>, a removed tuple <c>[type, state_key]</c>;
/// empty arrays and nulls are left out; <c>pdu</c> comes last and holds the PDU's bytes verbatim.
/// Cost: writing copies the PDU once; reading copies nothing of it, the fact keeps a slice of the record's memory.
/// </remarks>
// HOT
internal static class PduRecordedJson
{
    public static byte[] Write(PduRecorded fact)
    {
        var json = FactJsonWriter.Rent(out var owner);
        json.WriteStartObject();
        json.WriteString("room_id"u8, fact.RoomId.Value);
        json.WriteString("room_version"u8, fact.RoomVersion);
        json.WriteString("event_id"u8, fact.EventId.Value);
        json.WriteString("disposition"u8, NameOf(fact.Disposition));
        WriteOptional(json, "reason"u8, fact.Reason);
        WriteState(json, fact);
        json.WriteNumber("depth"u8, fact.Depth);
        if (fact.RedactsApplied is { } redacted)
            json.WriteString("redacts_applied"u8, redacted.Value);
        if (fact.RedactedBy is { } redaction)
            json.WriteString("redacted_by"u8, redaction.Value);
        WriteOptional(json, "device_id"u8, fact.DeviceId);
        WriteOptional(json, "transaction_id"u8, fact.TransactionId);
        WriteOptional(json, "transaction_scope"u8, fact.TransactionScope);
        if (fact.SendOn is { } server)
            json.WriteString("send_on"u8, server.Value);
        if (fact.Erased is { } erased)
            WriteErased(json, erased);
        if (fact.StrippedState is { } stripped)
        {
            json.WritePropertyName("stripped_state"u8);
            json.WriteRawValue(stripped.Utf8.Span, skipInputValidation: true);
        }
        json.WritePropertyName("pdu"u8);
        json.WriteRawValue(fact.Pdu.Utf8.Span, skipInputValidation: true);
        json.WriteEndObject();
        return owner.ToArray();
    }

    public static PduRecorded Read(ReadOnlyMemory<byte> data)
    {
        var reader = new Utf8JsonReader(data.Span, new JsonReaderOptions { MaxDepth = FactJson.DepthMax });
        var members = default(Members);
        FactJsonReading.EnterObject(ref reader);
        while (FactJsonReading.NextMember(ref reader))
        {
            if (!TryReadIdentity(ref reader, ref members) && !TryReadState(ref reader, ref members)
                && !TryReadSending(ref reader, ref members) && !TryReadRaw(ref reader, data, ref members))
                FactJsonReading.SkipValue(ref reader);
        }
        return members.ToFact();
    }

    private static void WriteState(Utf8JsonWriter json, PduRecorded fact)
    {
        Span<char> root = stackalloc char[StateRoot.TextLength];
        WriteEntries(json, "state_added"u8, fact.StateAdded);
        WriteTuples(json, "state_removed"u8, fact.StateRemoved);
        json.WriteStartArray("forward_extremities"u8);
        foreach (var eventId in fact.ForwardExtremities)
            json.WriteStringValue(eventId.Value);
        json.WriteEndArray();
        json.WriteString("state_before"u8, Text(fact.StateBefore, root));
        json.WriteString("current_state"u8, Text(fact.CurrentState, root));
        WriteEntries(json, "state_before_added"u8, fact.StateBeforeAdded);
        WriteTuples(json, "state_before_removed"u8, fact.StateBeforeRemoved);
    }

    private static void WriteEntries(Utf8JsonWriter json, ReadOnlySpan<byte> name, ImmutableArray<StateEntry> entries)
    {
        if (entries.IsDefaultOrEmpty)
            return;
        json.WriteStartArray(name);
        foreach (var entry in entries)
            WriteTuple(json, entry.Tuple, entry.EventId.Value);
        json.WriteEndArray();
    }

    private static void WriteTuples(Utf8JsonWriter json, ReadOnlySpan<byte> name, ImmutableArray<StateTuple> tuples)
    {
        if (tuples.IsDefaultOrEmpty)
            return;
        json.WriteStartArray(name);
        foreach (var tuple in tuples)
            WriteTuple(json, tuple, null);
        json.WriteEndArray();
    }

    private static void WriteTuple(Utf8JsonWriter json, StateTuple tuple, string? eventId)
    {
        json.WriteStartArray();
        json.WriteStringValue(tuple.Type);
        json.WriteStringValue(tuple.StateKey);
        if (eventId is not null)
            json.WriteStringValue(eventId);
        json.WriteEndArray();
    }

    private static void WriteErased(Utf8JsonWriter json, ErasedContent erased)
    {
        json.WriteStartObject("erased"u8);
        WriteOptional(json, "thread"u8, erased.Thread?.Value);
        WriteOptional(json, "parent"u8, erased.Parent?.Value);
        json.WriteEndObject();
    }

    private static void WriteOptional(Utf8JsonWriter json, ReadOnlySpan<byte> name, string? value)
    {
        if (value is not null)
            json.WriteString(name, value);
    }

    private static ReadOnlySpan<char> Text(StateRoot root, Span<char> text)
    {
        Span<byte> bytes = stackalloc byte[StateRoot.ByteCount];
        root.WriteTo(bytes);
        System.Buffers.Text.Base64Url.EncodeToChars(bytes, text);
        return text;
    }

    private static bool TryReadIdentity(ref Utf8JsonReader reader, ref Members members)
    {
        if (reader.ValueTextEquals("room_id"u8))
            members.RoomId = FactJsonReading.Identifier<RoomId>(ref reader);
        else if (reader.ValueTextEquals("room_version"u8))
            members.RoomVersion = FactJsonReading.String(ref reader);
        else if (reader.ValueTextEquals("event_id"u8))
            members.EventId = FactJsonReading.Identifier<EventId>(ref reader);
        else if (reader.ValueTextEquals("disposition"u8))
            members.Disposition = DispositionOf(FactJsonReading.String(ref reader));
        else if (reader.ValueTextEquals("reason"u8))
            members.Reason = FactJsonReading.String(ref reader);
        else if (reader.ValueTextEquals("depth"u8))
            members.Depth = FactJsonReading.Integer(ref reader);
        else
            return false;
        return true;
    }

    private static bool TryReadState(ref Utf8JsonReader reader, ref Members members)
    {
        if (reader.ValueTextEquals("state_added"u8))
            members.StateAdded = ReadEntries(ref reader);
        else if (reader.ValueTextEquals("state_removed"u8))
            members.StateRemoved = ReadTuples(ref reader);
        else if (reader.ValueTextEquals("state_before_added"u8))
            members.StateBeforeAdded = ReadEntries(ref reader);
        else if (reader.ValueTextEquals("state_before_removed"u8))
            members.StateBeforeRemoved = ReadTuples(ref reader);
        else if (reader.ValueTextEquals("forward_extremities"u8))
            members.ForwardExtremities = ReadEventIds(ref reader);
        else if (reader.ValueTextEquals("state_before"u8))
            members.StateBefore = FactJsonReading.Root(ref reader);
        else if (reader.ValueTextEquals("current_state"u8))
            members.CurrentState = FactJsonReading.Root(ref reader);
        else
            return false;
        return true;
    }

    private static bool TryReadSending(ref Utf8JsonReader reader, ref Members members)
    {
        if (reader.ValueTextEquals("device_id"u8))
            members.DeviceId = FactJsonReading.String(ref reader);
        else if (reader.ValueTextEquals("transaction_id"u8))
            members.TransactionId = FactJsonReading.String(ref reader);
        else if (reader.ValueTextEquals("transaction_scope"u8))
            members.TransactionScope = FactJsonReading.String(ref reader);
        else if (reader.ValueTextEquals("send_on"u8))
            members.SendOn = FactJsonReading.Identifier<ServerName>(ref reader);
        else if (reader.ValueTextEquals("redacts_applied"u8))
            members.RedactsApplied = FactJsonReading.Identifier<EventId>(ref reader);
        else if (reader.ValueTextEquals("redacted_by"u8))
            members.RedactedBy = FactJsonReading.Identifier<EventId>(ref reader);
        else if (reader.ValueTextEquals("erased"u8))
            members.Erased = ReadErased(ref reader);
        else
            return false;
        return true;
    }

    private static bool TryReadRaw(ref Utf8JsonReader reader, ReadOnlyMemory<byte> data, ref Members members)
    {
        if (reader.ValueTextEquals("pdu"u8))
            members.Pdu = new RawJson(FactJsonReading.Raw(ref reader, data));
        else if (reader.ValueTextEquals("stripped_state"u8))
            members.StrippedState = new RawJson(FactJsonReading.Raw(ref reader, data));
        else
            return false;
        return true;
    }

    private static ErasedContent ReadErased(ref Utf8JsonReader reader)
    {
        var erased = new ErasedContent();
        FactJsonReading.EnterObject(ref reader);
        while (FactJsonReading.NextMember(ref reader))
        {
            if (reader.ValueTextEquals("thread"u8))
                erased = erased with { Thread = FactJsonReading.Identifier<EventId>(ref reader) };
            else if (reader.ValueTextEquals("parent"u8))
                erased = erased with { Parent = FactJsonReading.Identifier<EventId>(ref reader) };
            else
                FactJsonReading.SkipValue(ref reader);
        }
        return erased;
    }

    private static ImmutableArray<StateEntry> ReadEntries(ref Utf8JsonReader reader)
    {
        var entries = ImmutableArray.CreateBuilder<StateEntry>(1);
        FactJsonReading.EnterArray(ref reader);
        while (FactJsonReading.NextElement(ref reader))
        {
            var tuple = ReadTuple(ref reader);
            entries.Add(new StateEntry(tuple, FactJsonReading.Identifier<EventId>(ref reader)));
            FactJsonReading.LeaveArray(ref reader);
        }
        return entries.DrainToImmutable();
    }

    private static ImmutableArray<StateTuple> ReadTuples(ref Utf8JsonReader reader)
    {
        var tuples = ImmutableArray.CreateBuilder<StateTuple>(1);
        FactJsonReading.EnterArray(ref reader);
        while (FactJsonReading.NextElement(ref reader))
        {
            tuples.Add(ReadTuple(ref reader));
            FactJsonReading.LeaveArray(ref reader);
        }
        return tuples.DrainToImmutable();
    }

    private static StateTuple ReadTuple(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
            throw new JsonException("Not a state tuple.");
        var type = FactJsonReading.String(ref reader);
        return new StateTuple(type, FactJsonReading.String(ref reader));
    }

    private static ImmutableArray<EventId> ReadEventIds(ref Utf8JsonReader reader)
    {
        var eventIds = ImmutableArray.CreateBuilder<EventId>(1);
        FactJsonReading.EnterArray(ref reader);
        while (FactJsonReading.NextElement(ref reader))
            eventIds.Add(FactJsonReading.CurrentIdentifier<EventId>(ref reader));
        return eventIds.DrainToImmutable();
    }

    private static string NameOf(PduDisposition disposition) => disposition switch
    {
        PduDisposition.Accepted => "accepted",
        PduDisposition.SoftFailed => "soft_failed",
        PduDisposition.Rejected => "rejected",
        PduDisposition.Outlier => "outlier",
        PduDisposition.Backfilled => "backfilled",
        _ => throw new ArgumentOutOfRangeException(nameof(disposition)),
    };

    private static PduDisposition DispositionOf(string name) => name switch
    {
        "accepted" => PduDisposition.Accepted,
        "soft_failed" => PduDisposition.SoftFailed,
        "rejected" => PduDisposition.Rejected,
        "outlier" => PduDisposition.Outlier,
        "backfilled" => PduDisposition.Backfilled,
        _ => throw new JsonException("Not a disposition."),
    };

    /// <summary>What has been read so far.</summary>
    private struct Members
    {
        public RoomId? RoomId;
        public string? RoomVersion;
        public EventId? EventId;
        public PduDisposition? Disposition;
        public string? Reason;
        public long? Depth;
        public ImmutableArray<StateEntry> StateAdded;
        public ImmutableArray<StateTuple> StateRemoved;
        public ImmutableArray<StateEntry> StateBeforeAdded;
        public ImmutableArray<StateTuple> StateBeforeRemoved;
        public ImmutableArray<EventId> ForwardExtremities;
        public StateRoot? StateBefore;
        public StateRoot? CurrentState;
        public string? DeviceId;
        public string? TransactionId;
        public string? TransactionScope;
        public ServerName? SendOn;
        public EventId? RedactsApplied;
        public EventId? RedactedBy;
        public ErasedContent? Erased;
        public RawJson? Pdu;
        public RawJson? StrippedState;

        public readonly PduRecorded ToFact() => new()
        {
            RoomId = RoomId ?? throw FactJsonReading.Missing("room_id"),
            RoomVersion = RoomVersion ?? throw FactJsonReading.Missing("room_version"),
            EventId = EventId ?? throw FactJsonReading.Missing("event_id"),
            Disposition = Disposition ?? throw FactJsonReading.Missing("disposition"),
            Reason = Reason,
            StateAdded = StateAdded.IsDefault ? [] : StateAdded,
            StateRemoved = StateRemoved.IsDefault ? [] : StateRemoved,
            StateBeforeAdded = StateBeforeAdded.IsDefault ? [] : StateBeforeAdded,
            StateBeforeRemoved = StateBeforeRemoved.IsDefault ? [] : StateBeforeRemoved,
            ForwardExtremities = ForwardExtremities.IsDefault
                ? throw FactJsonReading.Missing("forward_extremities") : ForwardExtremities,
            StateBefore = StateBefore ?? throw FactJsonReading.Missing("state_before"),
            CurrentState = CurrentState ?? throw FactJsonReading.Missing("current_state"),
            Depth = Depth ?? throw FactJsonReading.Missing("depth"),
            RedactsApplied = RedactsApplied,
            RedactedBy = RedactedBy,
            Erased = Erased,
            DeviceId = DeviceId,
            TransactionId = TransactionId,
            TransactionScope = TransactionScope,
            SendOn = SendOn,
            Pdu = Pdu ?? throw FactJsonReading.Missing("pdu"),
            StrippedState = StrippedState,
        };
    }
}
