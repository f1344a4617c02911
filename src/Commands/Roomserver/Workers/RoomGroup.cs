using Matrix.EventSourced.Commands.Roomserver.Input;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Commands.Roomserver.Workers;

/// <summary>Commands that were decided one after the other and go into the log together.</summary>
/// <remarks>Answers are given only after the append: a refusal, too, may rest on a PDU that the log turns out not to
/// take.</remarks>
internal sealed class RoomGroup(RoomState? before)
{
    private readonly List<(CommandWork Work, RoomAnswer? Unwritten, EventId? EventId)> _decided = [];
    private readonly Dictionary<TransactionKey, EventId> _keyToEventId = [];

    /// <summary>The room as the log has it.</summary>
    public RoomState? Before { get; } = before;

    /// <summary>The room as it will be.</summary>
    public RoomState? Room { get; set; } = before;

    public List<NewRecord> Records { get; } = [];

    /// <summary>Some record has an id that no record had before, as those without a transaction have.</summary>
    public bool HasNewRecordIds { get; set; }

    /// <summary>The state nodes that the records' roots need.</summary>
    public List<KeyValuePair<StateRoot, ReadOnlyMemory<byte>>> Nodes { get; } = [];

    /// <summary>The PDUs of the records.</summary>
    public List<DecidedBefore> Decided { get; } = [];

    /// <summary>The annotations among them.</summary>
    public Dictionary<AnnotationKey, EventId> Annotations { get; } = [];

    /// <summary>PDUs whose content the records take out.</summary>
    public List<EventId> Redacted { get; } = [];

    public int Bytes { get; private set; }

    /// <summary>Some decision wrote nothing, so nothing but a look at the log shows whether it was made on the newest
    /// state.</summary>
    public bool HasUnwritten { get; private set; }

    public int Count => _decided.Count;

    /// <summary>The command of a group of one.</summary>
    public CommandWork OnlyWork => _decided[0].Work;

    public void Add(NewRecord record)
    {
        Records.Add(record);
        Bytes += record.Data.Length + record.Metadata.Length;
    }

    public void Accept(CommandWork work, EventId? eventId)
    {
        _decided.Add((work, null, eventId));
        if (work.Command.Transaction is { } key && eventId is { } id)
            _keyToEventId.TryAdd(key, id);
        if (work.Command is SendPdu { Annotation: { } annotation } && eventId is { } annotating)
            Annotations[annotation] = annotating;
    }

    public void AnswerUnwritten(CommandWork work, EventId? eventId, bool isCertain)
    {
        _decided.Add((work, null, eventId));
        HasUnwritten |= !isCertain;
    }

    /// <summary>A refusal, or that it must be signed first.</summary>
    public void AnswerUnwritten(CommandWork work, RoomAnswer answer)
    {
        _decided.Add((work, answer, null));
        HasUnwritten = true;
    }

    public EventId? Find(TransactionKey key) => _keyToEventId.TryGetValue(key, out var eventId) ? eventId : null;

    /// <summary>Gives everybody their answer; what was written is durable up to the position.</summary>
    public void Answer(LogPosition position, TransactionAnswers answers)
    {
        foreach (var (key, eventId) in _keyToEventId)
            answers.Remember(key, eventId);
        foreach (var (work, unwritten, eventId) in _decided)
            work.Answer(unwritten ?? new RoomAnswer.Done(eventId, position));
    }
}
