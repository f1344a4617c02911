using System.Text.RegularExpressions;
using Matrix.EventSourced.EventStore.Wire;
using Options = Matrix.EventSourced.EventStore.Wire.ReadReq.Types.Options;

namespace Matrix.EventSourced.EventStore.Gateway;

/// <summary>Where a read begins.</summary>
internal enum ReadFrom
{
    Start,
    End,

    /// <summary>At a revision, or at a position of the whole log.</summary>
    Given,
}

/// <summary>A read or a subscription, checked.</summary>
/// <remarks>Shape: Stream is null for the whole log; Count is null for a subscription; Given is a revision or a
/// position; CheckpointInterval, records that a filtered subscription considers between two checkpoints, 0 without a
/// filter.</remarks>
internal sealed record ReadRequest
{
    /// <summary>LIMIT: records considered between checkpoints where a client leaves the window to the server. Source:
    /// EventStoreDB's own.</summary>
    private const uint WindowDefault = 32;

    /// <summary>LIMIT: characters of a pattern. Ours: a filter is a handful of names.</summary>
    private const int PatternCharsMax = 4096;

    public StreamName? Stream { get; private init; }

    public ReadFrom From { get; private init; }

    public long Given { get; private init; }

    public ReadDirection Direction { get; private init; }

    public long? Count { get; private init; }

    public RecordFilter Filter { get; private init; } = RecordFilter.Everything;

    public long CheckpointInterval { get; private init; }

    public bool ResolvesLinks { get; private init; }

    public bool IdsAsText { get; private init; }

    /// <summary>Whether the client understands what the protocol has gained since its first version.</summary>
    public bool KnowsPositions { get; private init; }

    /// <summary>Throws a <see cref="GatewayRefusal"/> for what nobody can be answered.</summary>
    public static ReadRequest Parse(ReadReq request)
    {
        var options = request.Options ?? throw GatewayRefusal.BadRequest("Options are needed.");
        var isSubscription = options.CountOptionCase == Options.CountOptionOneofCase.Subscription;
        var isStream = options.StreamOptionCase == Options.StreamOptionOneofCase.Stream;
        if (!isStream && options.StreamOptionCase != Options.StreamOptionOneofCase.All)
            throw GatewayRefusal.BadRequest("A stream or the whole log is read.");
        if (options.CountOptionCase == Options.CountOptionOneofCase.None)
            throw GatewayRefusal.BadRequest("A count or a subscription is needed.");
        if (!isSubscription && options.Count == 0)
            throw GatewayRefusal.BadRequest("The count must be at least 1.");
        if (options.FilterOptionCase == Options.FilterOptionOneofCase.None)
            throw GatewayRefusal.BadRequest("A filter or none is needed.");
        var isFiltered = options.FilterOptionCase == Options.FilterOptionOneofCase.Filter;
        if (isStream && isFiltered)
            throw GatewayRefusal.BadRequest("A stream is read without a filter.");
        var isBackwards = options.ReadDirection == Options.Types.ReadDirection.Backwards;
        if (isBackwards && isSubscription)
            throw GatewayRefusal.BadRequest("A subscription goes forwards.");
        var (from, given) = isStream ? FromOf(options.Stream) : FromOf(options.All);
        return new ReadRequest
        {
            Stream = isStream ? WireNames.Read(options.Stream.StreamIdentifier) : null,
            From = from,
            Given = (long)Math.Min(given, long.MaxValue),
            Direction = isBackwards ? ReadDirection.Backwards : ReadDirection.Forwards,
            Count = isSubscription ? null : (long)Math.Min(options.Count, long.MaxValue),
            Filter = isFiltered ? FilterOf(options.Filter) : RecordFilter.Everything,
            CheckpointInterval = isFiltered ? IntervalOf(options.Filter) : 0,
            ResolvesLinks = options.ResolveLinks,
            IdsAsText = options.UuidOption?.ContentCase == Options.Types.UUIDOption.ContentOneofCase.String,
            KnowsPositions = options.ControlOption?.Compatibility > 0,
        };
    }

    private static (ReadFrom From, ulong Given) FromOf(Options.Types.StreamOptions options) =>
        options.RevisionOptionCase switch
        {
            Options.Types.StreamOptions.RevisionOptionOneofCase.Revision => (ReadFrom.Given, options.Revision),
            Options.Types.StreamOptions.RevisionOptionOneofCase.Start => (ReadFrom.Start, 0),
            Options.Types.StreamOptions.RevisionOptionOneofCase.End => (ReadFrom.End, 0),
            _ => throw GatewayRefusal.BadRequest("A revision, the start or the end is needed."),
        };

    private static (ReadFrom From, ulong Given) FromOf(Options.Types.AllOptions options) =>
        options.AllOptionCase switch
        {
            Options.Types.AllOptions.AllOptionOneofCase.Position => (ReadFrom.Given, options.Position.CommitPosition),
            Options.Types.AllOptions.AllOptionOneofCase.Start => (ReadFrom.Start, 0),
            Options.Types.AllOptions.AllOptionOneofCase.End => (ReadFrom.End, 0),
            _ => throw GatewayRefusal.BadRequest("A position, the start or the end is needed."),
        };

    private static RecordFilter FilterOf(Options.Types.FilterOptions options) => options.FilterCase switch
    {
        Options.Types.FilterOptions.FilterOneofCase.StreamIdentifier =>
            options.StreamIdentifier.Regex.Length > 0
                ? RecordFilter.Everything with { StreamPattern = PatternOf(options.StreamIdentifier.Regex) }
                : RecordFilter.Everything with { StreamPrefixes = [.. options.StreamIdentifier.Prefix] },
        Options.Types.FilterOptions.FilterOneofCase.EventType =>
            options.EventType.Regex.Length > 0
                ? RecordFilter.Everything with { TypePattern = PatternOf(options.EventType.Regex) }
                : RecordFilter.Everything with { TypePrefixes = [.. options.EventType.Prefix] },
        _ => throw GatewayRefusal.BadRequest("A filter looks at stream names or at types."),
    };

    /// <summary>Patterns come from outside: the engine that never backtracks takes time linear in the name.</summary>
    private static Regex PatternOf(string pattern)
    {
        if (pattern.Length > PatternCharsMax)
            throw GatewayRefusal.BadRequest($"A pattern holds at most {PatternCharsMax} characters.");
        try
        {
            return new Regex(pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (Exception problem) when (problem is ArgumentException or NotSupportedException)
        {
            throw GatewayRefusal.BadRequest($"The pattern cannot be used: {problem.Message}");
        }
    }

    private static long IntervalOf(Options.Types.FilterOptions options)
    {
        var window = options.WindowCase switch
        {
            Options.Types.FilterOptions.WindowOneofCase.Max => options.Max,
            Options.Types.FilterOptions.WindowOneofCase.Count => WindowDefault,
            _ => throw GatewayRefusal.BadRequest("A window is needed."),
        };
        if (window == 0 || options.CheckpointIntervalMultiplier == 0)
            throw GatewayRefusal.BadRequest("The window and the checkpoints' multiplier must be at least 1.");
        return (long)window * options.CheckpointIntervalMultiplier;
    }
}
