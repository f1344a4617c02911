using System.Collections.Frozen;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Npgsql;

namespace Matrix.EventSourced.Projections.UserDirectory;

/// <summary>By what names users are known, and which rooms are open to everybody.</summary>
public sealed class UserDirectoryProjection : IProjection
{
    public const string ProjectionName = "userdirectory";

    /// <summary>What a reader waits for.</summary>
    public static readonly string[] Gate = [ProjectionName, RoomserverProjection.ProjectionName];

    public string Name => ProjectionName;

    public int Version => 1;

    public FrozenSet<string> Handles { get; } = FrozenSet.Create(StringComparer.Ordinal, FactNames.PduRecorded);

    public string Ddl => """
        CREATE TABLE {schema}.names (
            event_id text COLLATE "C" PRIMARY KEY,
            room_id text COLLATE "C" NOT NULL,
            user_id text COLLATE "C" NOT NULL,
            position bigint NOT NULL,
            display_name text COLLATE "C",
            avatar_url text COLLATE "C",
            name_lower text COLLATE "C" NOT NULL,
            is_redacted boolean NOT NULL
        );
        CREATE TABLE {schema}.open_state (
            event_id text COLLATE "C" PRIMARY KEY,
            room_id text COLLATE "C" NOT NULL,
            type text COLLATE "C" NOT NULL
        );
        """;

    public bool Concerns(IFact fact) =>
        fact is not PduRecorded { Redactions.IsEmpty: true } pdu || MayMatter(pdu.Pdu.Utf8.Span);

    public async ValueTask ApplyAsync(ProjectionBatch batch, CancellationToken cancellationToken)
    {
        var names = new Dictionary<string, NameRow>();
        var open = new Dictionary<string, Pdu>();
        var redacted = new HashSet<string>();
        foreach (var (record, fact, _) in batch.Facts)
        {
            if (fact is not PduRecorded recorded)
                continue;
            if (MayMatter(recorded.Pdu.Utf8.Span))
                Add((long)record.Position.Value, recorded, names, open);
            foreach (var (target, _) in recorded.Redactions)
            {
                redacted.Add(target.Value);
                if (names.TryGetValue(target.Value, out var known))
                    names[target.Value] = known.Redacted();
            }
        }
        await using var commands = new NpgsqlBatch(batch.Connection, batch.Transaction);
        // First, so that it concerns only what earlier batches wrote.
        if (redacted.Count > 0)
            Redact(commands, batch.Schema, redacted);
        if (names.Count > 0)
            AddNames(commands, batch.Schema, [.. names.Values]);
        if (open.Count > 0)
            AddOpenState(commands, batch.Schema, [.. open.Values]);
        if (commands.BatchCommands.Count > 0)
            await commands.ExecuteNonQueryAsync(cancellationToken);
    }

    public void Committed(ProjectionBatch batch)
    {
    }

    /// <summary>Most PDUs do not: a look at the bytes is cheaper than parsing them.</summary>
    private static bool MayMatter(ReadOnlySpan<byte> pdu) =>
        pdu.IndexOf("\"m.room.member\""u8) >= 0
        || pdu.IndexOf("\"m.room.join_rules\""u8) >= 0
        || pdu.IndexOf("\"m.room.history_visibility\""u8) >= 0;

    private static void Add(
        long position, PduRecorded fact, Dictionary<string, NameRow> names, Dictionary<string, Pdu> open)
    {
        var rules = RoomVersionRules.Find(fact.RoomVersion)
            ?? throw new InvalidOperationException($"Room version {fact.RoomVersion} at {position} is unknown.");
        var pdu = PduParser.ParseStored(fact.Pdu.Utf8, rules, fact.EventId);
        switch (pdu.Type, pdu.StateKey)
        {
            case ("m.room.member", { } userId) when pdu.Membership == "join" && UserId.TryParse(userId, out _):
                // The first fact about a PDU stays: what it says does not change, and what is redacted stays so.
                names.TryAdd(fact.EventId.Value, NameRow.Of(position, pdu, userId));
                break;
            case ("m.room.join_rules", "") when pdu.FindContentString("join_rule"u8) == "public":
            case ("m.room.history_visibility", "")
                when pdu.FindContentString("history_visibility"u8) == "world_readable":
                open[fact.EventId.Value] = pdu;
                break;
        }
    }

    private static void Redact(NpgsqlBatch commands, string schema, HashSet<string> redacted) =>
        commands.Add(
            $"""
            UPDATE {schema}.names SET is_redacted = true, display_name = NULL, avatar_url = NULL, name_lower = ''
            WHERE event_id = ANY ($1)
            """).AddTexts([.. redacted]);

    private static void AddNames(NpgsqlBatch commands, string schema, List<NameRow> rows)
    {
        var parameters = commands.Add(
            $"""
            INSERT INTO {schema}.names AS n
                (event_id, room_id, user_id, position, display_name, avatar_url, name_lower, is_redacted)
            SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (event_id) DO UPDATE SET is_redacted = true, display_name = NULL, avatar_url = NULL,
                name_lower = '' WHERE excluded.is_redacted
            """);
        parameters.AddTexts([.. rows.Select(row => row.EventId)]);
        parameters.AddTexts([.. rows.Select(row => row.RoomId)]);
        parameters.AddTexts([.. rows.Select(row => row.UserId)]);
        parameters.AddBigInts([.. rows.Select(row => row.Position)]);
        parameters.AddTexts([.. rows.Select(row => row.DisplayName)]);
        parameters.AddTexts([.. rows.Select(row => row.AvatarUrl)]);
        parameters.AddTexts([.. rows.Select(row => row.DisplayName?.ToLowerInvariant() ?? string.Empty)]);
        parameters.AddBooleans([.. rows.Select(row => row.IsRedacted)]);
    }

    private static void AddOpenState(NpgsqlBatch commands, string schema, List<Pdu> pdus)
    {
        var parameters = commands.Add(
            $"""
            INSERT INTO {schema}.open_state (event_id, room_id, type)
            SELECT * FROM unnest($1, $2, $3) ON CONFLICT DO NOTHING
            """);
        parameters.AddTexts([.. pdus.Select(pdu => pdu.EventId.Value)]);
        parameters.AddTexts([.. pdus.Select(pdu => pdu.RoomId.Value)]);
        parameters.AddTexts([.. pdus.Select(pdu => pdu.Type)]);
    }

    private sealed record NameRow(string EventId, string RoomId, string UserId, long Position)
    {
        public string? DisplayName { get; init; }
        public string? AvatarUrl { get; init; }
        public bool IsRedacted { get; init; }

        public NameRow Redacted() => this with { DisplayName = null, AvatarUrl = null, IsRedacted = true };

        public static NameRow Of(long position, Pdu pdu, string userId) =>
            new(pdu.EventId.Value, pdu.RoomId.Value, userId, position)
            {
                DisplayName = Text(pdu, "displayname"u8),
                AvatarUrl = Text(pdu, "avatar_url"u8),
            };

        // A text of PostgreSQL holds no U+0000.
        private static string? Text(Pdu pdu, ReadOnlySpan<byte> name) =>
            pdu.FindContentString(name) is { Length: > 0 } text ? text.Replace('\0', ' ') : null;
    }
}
