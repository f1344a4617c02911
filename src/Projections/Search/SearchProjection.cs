using System.Collections.Frozen;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Npgsql;

namespace Matrix.EventSourced.Projections.Search;

/// <summary>The words of what is said in rooms.</summary>
public sealed class SearchProjection : IProjection
{
    public const string ProjectionName = "search";

    /// <summary>What a reader waits for.</summary>
    public static readonly string[] Gate = [ProjectionName];

    public string Name => ProjectionName;

    public int Version => 2;

    public TimeSpan CommitInterval => ProjectionOptions.LazyCommits;

    public FrozenSet<string> Handles { get; } = FrozenSet.Create(
        StringComparer.Ordinal, FactNames.PduRecorded, FactNames.ContentErased);

    public string Ddl => SearchSchema.Ddl;

    public async ValueTask ApplyAsync(ProjectionBatch batch, CancellationToken cancellationToken)
    {
        var eventIdToEntry = new Dictionary<string, Entry>();
        var redacted = new HashSet<string>();
        var erased = new HashSet<string>();
        foreach (var (record, fact, _) in batch.Facts)
        {
            if (fact is PduRecorded recorded)
                Add((long)record.Position.Value, recorded, eventIdToEntry, redacted);
            else if (fact is ContentErased { EventId.Value: var gone })
                (_, _) = (erased.Add(gone), eventIdToEntry.Remove(gone));
        }
        await using var commands = new NpgsqlBatch(batch.Connection, batch.Transaction);
        // First, so that it concerns only what earlier batches wrote.
        if (redacted.Count > 0)
            commands.Add($"UPDATE {batch.Schema}.entries SET is_redacted = true, words = '' WHERE event_id = ANY ($1)")
                .AddTexts([.. redacted]);
        if (erased.Count > 0)
            commands.Add($"DELETE FROM {batch.Schema}.entries WHERE event_id = ANY ($1)").AddTexts([.. erased]);
        if (eventIdToEntry.Count > 0)
            AddEntries(commands, batch.Schema, [.. eventIdToEntry.Values]);
        if (commands.BatchCommands.Count > 0)
            await commands.ExecuteNonQueryAsync(cancellationToken);
    }

    public void Committed(ProjectionBatch batch)
    {
    }

    private static void Add(
        long position, PduRecorded fact, Dictionary<string, Entry> eventIdToEntry, HashSet<string> redacted)
    {
        if (SearchText.MayBeIn(fact.Pdu.Utf8.Span))
            AddText(position, fact, eventIdToEntry);
        foreach (var (target, _) in fact.Redactions)
        {
            redacted.Add(target.Value);
            if (eventIdToEntry.TryGetValue(target.Value, out var known))
                eventIdToEntry[target.Value] = known with { IsRedacted = true };
        }
    }

    private static void AddText(long position, PduRecorded fact, Dictionary<string, Entry> eventIdToEntry)
    {
        var rules = RoomVersionRules.Find(fact.RoomVersion)
            ?? throw new InvalidOperationException($"Room version {fact.RoomVersion} at {position} is unknown.");
        var pdu = PduParser.ParseStored(fact.Pdu.Utf8, rules, fact.EventId);
        if (SearchText.Find(pdu) is not { } text)
            return;
        var entry = new Entry(position, fact, pdu, text);
        var earlier = eventIdToEntry.GetValueOrDefault(fact.EventId.Value);
        eventIdToEntry[fact.EventId.Value] = earlier is null ? entry : entry.After(earlier);
    }

    private static void AddEntries(NpgsqlBatch commands, string schema, List<Entry> entries)
    {
        var parameters = commands.Add(
            $"""
            INSERT INTO {schema}.entries AS e
                (event_id, room_id, position, disposition, key, type, sender, has_url, is_redacted, words)
            SELECT u.event_id, u.room_id, u.position, u.disposition, u.key, u.type, u.sender, u.has_url, u.is_redacted,
                CASE WHEN u.is_redacted THEN '' ELSE to_tsvector('{SearchSchema.Configuration}', u.text) END
            FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
                AS u (event_id, room_id, position, disposition, key, type, sender, has_url, is_redacted, text)
            ON CONFLICT (event_id) DO UPDATE SET
                position = CASE WHEN e.disposition = 0 THEN e.position ELSE excluded.position END,
                disposition = excluded.disposition,
                is_redacted = e.is_redacted OR excluded.is_redacted,
                words = CASE WHEN e.is_redacted THEN e.words ELSE excluded.words END
            """);
        parameters.AddTexts([.. entries.Select(entry => entry.Fact.EventId.Value)]);
        parameters.AddTexts([.. entries.Select(entry => entry.Fact.RoomId.Value)]);
        parameters.AddBigInts([.. entries.Select(entry => entry.Position)]);
        parameters.AddSmallInts([.. entries.Select(entry => (short?)entry.Fact.Disposition)]);
        parameters.AddTexts([.. entries.Select(entry => entry.Text.Key)]);
        parameters.AddTexts([.. entries.Select(entry => entry.Pdu.Type)]);
        parameters.AddTexts([.. entries.Select(entry => entry.Pdu.Sender.Value)]);
        parameters.AddBooleans([.. entries.Select(entry => entry.Pdu.FindContentString("url"u8) is not null)]);
        parameters.AddBooleans([.. entries.Select(entry => entry.IsRedacted)]);
        parameters.AddTexts([.. entries.Select(entry => entry.Text.Text)]);
    }

    /// <summary>A row before it is written.</summary>
    private sealed record Entry(long Position, PduRecorded Fact, Pdu Pdu, SearchText Text)
    {
        public bool IsRedacted { get; init; }

        /// <summary>What is on the timeline never moves, and what is redacted stays so.</summary>
        public Entry After(Entry earlier) => this with
        {
            Position = earlier.Fact.Disposition == PduDisposition.Accepted ? earlier.Position : Position,
            IsRedacted = earlier.IsRedacted,
        };
    }
}
