using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Commands.Erasure;

/// <summary>What waits to be erased; the read side is behind it.</summary>
public interface IErasureLookup
{
    /// <summary>Redacted PDUs whose redaction was recorded at or before a time, the oldest first.</summary>
    /// <remarks>Ensures: sees every append that returned before the call.</remarks>
    ValueTask<IReadOnlyList<DueErasure>> FindDueAsync(
        long recordedUpToMs, int limit, CancellationToken cancellationToken);

    /// <summary>What readers need to know of a PDU's content once it is gone.</summary>
    ErasedContent RemainsOf(Pdu pdu);
}

/// <summary>A redacted PDU, and the records of the log that hold its content.</summary>
public sealed record DueErasure(
    RoomId RoomId, EventId EventId, EventId RedactedBy, IReadOnlyList<LogPosition> Positions);

/// <summary>How long the log keeps what is redacted. Retention null: for ever.</summary>
public sealed record ErasureOptions(TimeSpan? Retention);

/// <summary>Takes the content of redacted PDUs out of the log once their time is over.</summary>
/// <remarks>
/// <code>
///   redaction recorded ──(retention)──► each record of its target: pdu := redacted form, erased := what readers need
///                                   ──► one fact: content_erased          (crash before it: all is done again)
/// </code>
/// Spec: v1.19 client-server-api #redactions. What stays of a record: its position, ids, hashes and signatures, the
/// deltas of the room's state: all that a replay and an audit need.
/// Ensures: idempotent; a record that is erased already is left as it is. Time is the injected clock's.
/// </remarks>
public sealed partial class ContentEraser(
    IRecordEraser? eraser,
    IEventReader log,
    FactAppender appender,
    IErasureLookup lookup,
    ErasureOptions options,
    TimeProvider time,
    ILogger<ContentEraser> logger) : IDisposable
{
    /// <summary>LIMIT: PDUs of one round. Ours: a round is one append, and others write meanwhile.</summary>
    private const int RoundMax = 200;

    private static readonly StreamName Stream = new(StreamCategories.Erasure, "log");

    private readonly SemaphoreSlim _turn = new(1, 1);

    /// <summary>Whether a time is set after which content goes.</summary>
    public bool IsWanted => options.Retention is not null;

    /// <summary>Whether the engine of the log can take content away.</summary>
    public bool IsPossible => eraser is not null;

    /// <summary>Erases all that is due now; answers how many PDUs that were.</summary>
    public async ValueTask<int> EraseDueAsync(CancellationToken cancellationToken)
    {
        if (options.Retention is not { } retention || eraser is null)
            return 0;
        await _turn.WaitAsync(cancellationToken);
        try
        {
            return await EraseDueAsync(retention, eraser, cancellationToken);
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();

    private async ValueTask<int> EraseDueAsync(
        TimeSpan retention, IRecordEraser records, CancellationToken cancellationToken)
    {
        var count = 0;
        while (!cancellationToken.IsCancellationRequested)
        {
            var nowMs = time.GetUtcNow().ToUnixTimeMilliseconds();
            var due = await lookup.FindDueAsync(
                nowMs - (long)retention.TotalMilliseconds, RoundMax, cancellationToken);
            if (due.Count == 0)
                break;
            var facts = new List<IFact>(due.Count);
            foreach (var one in due)
                facts.Add(await EraseAsync(one, records));
            // After the records: what no fact says is erased will be erased again.
            var appended = await appender.AppendAsync(
                Stream, ExpectedRevision.Any, facts, new CommandContext(FactActor.Self, nowMs, "erasure"));
            if (appended is not AppendResult.Appended)
                throw new EventStoreException("The log refused to take down what was erased.");
            count += due.Count;
            LogErased(due.Count, due[0].EventId.Value, due[^1].EventId.Value);
        }
        return count;
    }

    private async ValueTask<ContentErased> EraseAsync(DueErasure due, IRecordEraser records)
    {
        var positions = new List<long>(due.Positions.Count);
        foreach (var position in due.Positions)
        {
            // Not cancelled between a record and its fact: what is begun is soon done.
            if (await FindAsync(position, due.EventId) is not { } fact)
                continue;
            positions.Add((long)position.Value);
            if (fact.Erased is null)
                await records.RewriteAsync(position, FactCodec.Encode(Redacted(fact)).Data, CancellationToken.None);
        }
        return new ContentErased(due.RoomId, due.EventId, due.RedactedBy, [.. positions]);
    }

    private PduRecorded Redacted(PduRecorded fact)
    {
        var rules = RoomVersionRules.Find(fact.RoomVersion)
            ?? throw new InvalidOperationException($"Room version {fact.RoomVersion} is unknown.");
        var pdu = PduParser.ParseStored(fact.Pdu.Utf8, rules, fact.EventId);
        return fact with { Pdu = new RawJson(Redaction.Redact(pdu)), Erased = lookup.RemainsOf(pdu) };
    }

    private async ValueTask<PduRecorded?> FindAsync(LogPosition position, EventId eventId)
    {
        await foreach (var record in log.ReadAllAsync(position, ReadDirection.Backwards, 1))
        {
            if (record.Position == position && FactCodec.Decode(record.Type, record.Data) is PduRecorded fact
                && fact.EventId == eventId)
            {
                return fact;
            }
        }
        return null;
    }

    [LoggerMessage(LogLevel.Information,
        "The content of {count} redacted events is erased from the log, the first {first}, the last {last}")]
    private partial void LogErased(int count, string first, string last);
}
