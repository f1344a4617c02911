using Matrix.EventSourced.EventStore.Wire;
using static Matrix.EventSourced.EventStore.Wire.ReadReq.Types;

namespace Matrix.EventSourced.EventStore.EventStoreDb;

/// <summary>What is asked of a node: see the remarks of each for what it includes.</summary>
internal static class ReadRequests
{
    /// <summary>Includes the revision in both directions; null is the first record forwards, the last one
    /// backwards.</summary>
    public static ReadReq OfStream(StreamName stream, long? from, ReadDirection direction, long count)
    {
        var request = New(direction, count);
        request.Options.Stream = new Options.Types.StreamOptions { StreamIdentifier = WireRecords.ToWire(stream) };
        if (from is { } revision)
            request.Options.Stream.Revision = (ulong)revision;
        else if (direction == ReadDirection.Forwards)
            request.Options.Stream.Start = WireRecords.Nothing;
        else
            request.Options.Stream.End = WireRecords.Nothing;
        return request;
    }

    /// <summary>Includes the position forwards, and excludes it backwards; null is the end that the read begins
    /// at.</summary>
    public static ReadReq OfAll(LogPosition? from, ReadDirection direction, long count)
    {
        var request = New(direction, count);
        request.Options.All = All(from);
        if (from is null && direction == ReadDirection.Backwards)
            request.Options.All.End = WireRecords.Nothing;
        return request;
    }

    /// <summary>Excludes the position, and has no end.</summary>
    public static ReadReq SubscribeAfter(LogPosition after)
    {
        var request = New(ReadDirection.Forwards, 0);
        request.Options.Subscription = new Options.Types.SubscriptionOptions();
        request.Options.All = All(after == LogPosition.Start ? null : after);
        return request;
    }

    private static Options.Types.AllOptions All(LogPosition? from) => from is { } position
        ? new Options.Types.AllOptions
        {
            // Commit and prepare are the same number for every record.
            Position = new Options.Types.Position
            {
                CommitPosition = position.Value,
                PreparePosition = position.Value,
            },
        }
        : new Options.Types.AllOptions { Start = WireRecords.Nothing };

    private static ReadReq New(ReadDirection direction, long count) => new()
    {
        Options = new Options
        {
            ReadDirection = direction == ReadDirection.Forwards
                ? Options.Types.ReadDirection.Forwards
                : Options.Types.ReadDirection.Backwards,
            Count = (ulong)count,
            NoFilter = WireRecords.Nothing,
            UuidOption = new Options.Types.UUIDOption { Structured = WireRecords.Nothing },
            ControlOption = new Options.Types.ControlOption { Compatibility = 1 },
        },
    };
}
