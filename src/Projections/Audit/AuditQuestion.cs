using System.Globalization;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.Audit;

/// <summary>What can be asked of the log.</summary>
/// <remarks>Shape: immutable; <see cref="Parse"/> reads it from the words of a command line.</remarks>
public abstract record AuditQuestion
{
    private AuditQuestion() { }

    /// <summary>Which facts there are, oldest first.</summary>
    public sealed record History(HistoryFilter Filter) : AuditQuestion;

    /// <summary>A room's current state as it was at a point.</summary>
    public sealed record State(RoomId RoomId, AuditPoint At, bool WithContent) : AuditQuestion;

    /// <summary>What changed in a room's state between two points, and by whom.</summary>
    public sealed record Changes(RoomId RoomId, AuditPoint From, AuditPoint To) : AuditQuestion;

    /// <summary>Whether log, state nodes and tables are what they must be.</summary>
    public sealed record Verify(bool IsLogOnly) : AuditQuestion;

    public const string Usage = """
        audit history [--room R] [--user U] [--device D] [--server S] [--admin A] [--type T]
                      [--from POINT] [--to POINT] [--limit N] [--content]
                                             facts of a room, user, device, server or administrator, oldest first
        audit state ROOM [--at POINT] [--content]
                                             the room's state as it was
        audit changes ROOM [--from POINT] [--to POINT]
                                             what changed in the room's state, and by whom
        audit verify [--log-only]            check every hash, signature and state root, and the tables against the log
        POINT is a log position (1234) or a time in UTC (2026-11-26, 2026-11-26T08:30:00Z).
        TYPE is a fact's name or its beginning (roomserver.) or an event type (m.room.member).
        """;

    /// <summary>Reads a question; null with the problem when it is none.</summary>
    public static AuditQuestion? Parse(IReadOnlyList<string> words, out string problem)
    {
        if (words.Count == 0)
        {
            problem = Usage;
            return null;
        }
        var options = new Options(words.Skip(1));
        AuditQuestion? question = words[0] switch
        {
            "history" => ParseHistory(options),
            "state" => ParseRoom(options) is { } room
                ? new State(room, options.Point("at", AuditPoint.End), options.Flag("content"))
                : null,
            "changes" => ParseRoom(options) is { } room
                ? new Changes(
                    room, options.Point("from", AuditPoint.Beginning), options.Point("to", AuditPoint.End))
                : null,
            "verify" => new Verify(options.Flag("log-only")),
            _ => null,
        };
        problem = options.Problem ?? options.Unused ?? (question is null ? Usage : "");
        return problem.Length == 0 ? question : null;
    }

    private static History ParseHistory(Options options) => new(new HistoryFilter
    {
        Room = options.Value("room"),
        User = options.Value("user"),
        Device = options.Value("device"),
        Server = options.Value("server"),
        Admin = options.Value("admin"),
        Type = options.Value("type"),
        From = options.Point("from", AuditPoint.Beginning),
        To = options.Point("to", AuditPoint.End),
        Limit = options.Count("limit", long.MaxValue),
        WithContent = options.Flag("content"),
    });

    private static RoomId? ParseRoom(Options options)
    {
        var text = options.Word();
        if (text is not null && RoomId.TryParse(text, out var room))
            return room;
        options.Complain(text is null ? "Which room? Give its id (!…)." : $"'{text}' is not a room id.");
        return null;
    }

    /// <summary>Words after the verb: each is taken once, what is left over is a problem.</summary>
    private sealed class Options(IEnumerable<string> words)
    {
        private readonly List<string> _words = [.. words];

        public string? Problem { get; private set; }

        public string? Unused => _words.Count > 0 ? $"'{_words[0]}' is not understood.\n{Usage}" : null;

        public void Complain(string problem) => Problem ??= problem;

        public string? Word()
        {
            if (_words.Count == 0 || _words[0].StartsWith("--", StringComparison.Ordinal))
                return null;
            var word = _words[0];
            _words.RemoveAt(0);
            return word;
        }

        public bool Flag(string name) => _words.Remove("--" + name);

        public string? Value(string name)
        {
            var index = _words.FindIndex(word => word == "--" + name);
            if (index >= 0 && index + 1 < _words.Count)
            {
                var value = _words[index + 1];
                _words.RemoveRange(index, 2);
                return value;
            }
            var prefix = $"--{name}=";
            index = _words.FindIndex(word => word.StartsWith(prefix, StringComparison.Ordinal));
            if (index < 0)
                return null;
            var joined = _words[index][prefix.Length..];
            _words.RemoveAt(index);
            return joined;
        }

        public AuditPoint Point(string name, AuditPoint otherwise)
        {
            if (Value(name) is not { } text)
                return otherwise;
            if (AuditPoint.TryParse(text, out var point))
                return point;
            Complain($"--{name} '{text}' is neither a position nor a time.");
            return otherwise;
        }

        public long Count(string name, long otherwise)
        {
            if (Value(name) is not { } text)
                return otherwise;
            if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 0)
                return count;
            Complain($"--{name} '{text}' is not a number of facts.");
            return otherwise;
        }
    }
}

/// <summary>Which facts a history shows; a member that is null lets everything through.</summary>
/// <remarks>Shape: Room and User match who or what a fact is about as well as who caused it.</remarks>
public sealed record HistoryFilter
{
    public string? Room { get; init; }
    public string? User { get; init; }
    public string? Device { get; init; }
    public string? Server { get; init; }
    public string? Admin { get; init; }
    public string? Type { get; init; }
    public AuditPoint From { get; init; } = AuditPoint.Beginning;
    public AuditPoint To { get; init; } = AuditPoint.End;
    public long Limit { get; init; } = long.MaxValue;
    public bool WithContent { get; init; }
}
