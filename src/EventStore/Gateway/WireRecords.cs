using System.Globalization;
using Google.Protobuf;
using Matrix.EventSourced.EventStore.Wire;

namespace Matrix.EventSourced.EventStore.Gateway;

/// <summary>Writes records for one reader.</summary>
/// <remarks>The bytes of a record are not copied: the log never changes them.</remarks>
// HOT
internal sealed class WireRecords(bool idsAsText)
{
    public const string Type = "type";
    public const string ContentType = "content-type";
    public const string Json = "application/json";
    public const string Binary = "application/octet-stream";

    /// <summary>The type of a record that stands for another: <c>revision@stream</c>.</summary>
    public const string LinkType = "$>";

    private const string Created = "created";

    /// <summary>Units: 100 ns, of which the protocol counts creation times.</summary>
    private const long TicksPerMs = 10_000;

    private StreamIdentifier? _lastIdentifier;
    private string? _lastName;

    public ReadResp Event(LogRecord record) => new()
    {
        Event = new ReadResp.Types.ReadEvent { Event = Write(record), CommitPosition = record.Position.Value },
    };

    /// <summary>A link and what it stands for, which may be gone.</summary>
    public ReadResp Resolved(LogRecord link, LogRecord? target)
    {
        var read = new ReadResp.Types.ReadEvent { Link = Write(link), CommitPosition = link.Position.Value };
        if (target is not null)
            read.Event = Write(target);
        return new ReadResp { Event = read };
    }

    public static ReadResp Checkpoint(LogPosition position) => new()
    {
        Checkpoint =
            new ReadResp.Types.Checkpoint { CommitPosition = position.Value, PreparePosition = position.Value },
    };

    private ReadResp.Types.ReadEvent.Types.RecordedEvent Write(LogRecord record)
    {
        if (_lastName != record.Stream.Value)
        {
            _lastName = record.Stream.Value;
            _lastIdentifier = WireNames.Write(record.Stream);
        }
        var written = new ReadResp.Types.ReadEvent.Types.RecordedEvent
        {
            Id = WireIds.Write(record.RecordId, idsAsText),
            StreamIdentifier = _lastIdentifier,
            StreamRevision = (ulong)record.Revision,
            CommitPosition = record.Position.Value,
            PreparePosition = record.Position.Value,
            Data = UnsafeByteOperations.UnsafeWrap(record.Data),
            CustomMetadata = UnsafeByteOperations.UnsafeWrap(record.Metadata),
        };
        written.Metadata.Add(Type, record.Type);
        written.Metadata.Add(ContentType, record.IsJson ? Json : Binary);
        written.Metadata.Add(Created, (record.CreatedMs * TicksPerMs).ToString(CultureInfo.InvariantCulture));
        return written;
    }
}
