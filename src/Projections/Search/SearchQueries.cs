using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Npgsql;
using NpgsqlTypes;

namespace Matrix.EventSourced.Projections.Search;

/// <summary>Searches the words of events.</summary>
/// <remarks>Requires: the caller went through the gate of this projection.</remarks>
public sealed class SearchQueries(NpgsqlDataSource database, IProjectionSchemas schemas)
{
    // Private-use characters mark the found words: no text that people write has them by accident, and where one does,
    // it is taken out first.
    private const char Start = '\uE000';
    private const char Stop = '\uE001';

    private const string Relevance = "ts_rank_cd(e.words, q.query)";

    private string Schema => schemas.Live(SearchProjection.ProjectionName);

    public async ValueTask<SearchPage> FindAsync(SearchQuestion question, CancellationToken cancellationToken)
    {
        var hits = new List<SearchHit>();
        var count = 0L;
        var order = question.IsByRank ? "m.rank DESC, m.position DESC" : "m.position DESC";
        var batch = new QueryBatch(database);
        batch.Add(
            $"""
            WITH matches AS MATERIALIZED ({Matches(question)})
            SELECT m.event_id, m.room_id, m.sender, m.position, m.rank, m.relevance, (SELECT count(*) FROM matches)
            FROM matches m
            WHERE $12::bigint IS NULL OR (m.rank, m.position) < ($11::real, $12::bigint)
            ORDER BY {order} LIMIT $13
            """,
            parameters =>
            {
                AddMatches(parameters, question);
                parameters.AddInt(question.Limit + 1);
            },
            row =>
            {
                var place = new SearchPlace(row.GetFloat(4), row.GetInt64(3));
                hits.Add(new(row.GetString(0), row.GetString(1), row.GetString(2), place, row.GetFloat(5)));
                count = row.GetInt64(6);
            });
        await batch.ExecuteAsync(cancellationToken);
        // One more than asked for says that there is more.
        var hasMore = hits.Count > question.Limit;
        if (hasMore)
            hits.RemoveAt(hits.Count - 1);
        return new(hits, count, hasMore);
    }

    /// <summary>Those of the groups that have results after the place that each was shown up to.</summary>
    public async ValueTask<HashSet<string>> GroupsWithMoreAsync(
        SearchQuestion question,
        bool isBySender,
        IReadOnlyDictionary<string, SearchPlace> groupToLast,
        CancellationToken cancellationToken)
    {
        var found = new HashSet<string>();
        if (groupToLast.Count == 0)
            return found;
        var column = isBySender ? "sender" : "room_id";
        var batch = new QueryBatch(database);
        batch.Add(
            $"""
            WITH matches AS MATERIALIZED ({Matches(question)})
            SELECT g.value FROM unnest($13, $14::real[], $15) AS g (value, rank, position)
            WHERE $11::real IS NULL AND $12::bigint IS NULL AND EXISTS (
                SELECT FROM matches m WHERE m.{column} = g.value AND (m.rank, m.position) < (g.rank, g.position))
            """,
            parameters =>
            {
                AddMatches(parameters, question with { After = null });
                parameters.AddTexts([.. groupToLast.Keys]);
                parameters.Add(new()
                {
                    Value = groupToLast.Values.Select(place => place.Rank).ToArray(),
                    NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Real,
                });
                parameters.AddBigInts([.. groupToLast.Values.Select(place => place.Position)]);
            },
            row => found.Add(row.GetString(0)));
        await batch.ExecuteAsync(cancellationToken);
        return found;
    }

    /// <summary>The words of the texts that the term found, as they stand there, in lower case and in order.</summary>
    public async ValueTask<SortedSet<string>> HighlightsAsync(
        string term, IReadOnlyCollection<string> texts, CancellationToken cancellationToken)
    {
        var words = new SortedSet<string>(StringComparer.Ordinal);
        if (texts.Count == 0)
            return words;
        var batch = new QueryBatch(database);
        batch.Add(
            $"""
            SELECT ts_headline('{SearchSchema.Configuration}', t.text,
                plainto_tsquery('{SearchSchema.Configuration}', $2),
                'HighlightAll=true, StartSel={Start}, StopSel={Stop}')
            FROM unnest($1) AS t (text)
            """,
            parameters =>
            {
                parameters.AddTexts([.. texts.Select(text => text.Replace(Start, ' ').Replace(Stop, ' '))]);
                parameters.AddText(term);
            },
            row => AddMarked(words, row.GetString(0)));
        await batch.ExecuteAsync(cancellationToken);
        return words;
    }

    private static void AddMarked(SortedSet<string> words, string headline)
    {
        var at = 0;
        while ((at = headline.IndexOf(Start, at)) >= 0)
        {
            var end = headline.IndexOf(Stop, at);
            if (end < 0)
                return;
            words.Add(headline[(at + 1)..end].ToLowerInvariant());
            at = end;
        }
    }

    /// <summary>Everything that is found, whatever the page. $1-$10; the page's place is $11 and $12.</summary>
    private string Matches(SearchQuestion question)
    {
        var rank = question.IsByRank ? Relevance : "0::real";
        var group = question.Group is not { } wanted ? "$10::text IS NULL"
            : wanted.IsBySender ? "e.sender = $10" : "e.room_id = $10";
        return
            $"""
            SELECT e.event_id, e.room_id, e.sender, e.position, {rank} AS rank, {Relevance} AS relevance
            FROM plainto_tsquery('{SearchSchema.Configuration}', $1) AS q (query)
            JOIN {Schema}.entries e ON e.words @@ q.query
            WHERE e.disposition IN (0, 4) AND NOT e.is_redacted AND e.key = ANY ($2)
                AND ($3::text[] IS NULL OR e.type LIKE ANY ($3)) AND ($4::text[] IS NULL OR NOT e.type LIKE ANY ($4))
                AND ($5::text[] IS NULL OR e.sender = ANY ($5)) AND e.sender <> ALL ($6)
                AND {VisibleStretches.Condition("e", 7)}
                AND {group} {(question.Filter.ContainsUrl is { } hasUrl ? $"AND e.has_url = {hasUrl}" : string.Empty)}
            """;
    }

    private static void AddMatches(NpgsqlParameterCollection parameters, SearchQuestion question)
    {
        parameters.AddText(question.Term);
        parameters.AddTexts(question.Keys);
        parameters.AddTexts(question.Filter.LikeTypes);
        parameters.AddTexts(question.Filter.LikeNotTypes);
        parameters.AddTexts(question.Filter.Senders);
        parameters.AddTexts([.. question.Ignored, .. question.Filter.NotSenders ?? []]);
        question.Visible.AddTo(parameters);
        parameters.AddText(question.Group?.Value);
        parameters.Add(new()
        {
            Value = (object?)question.After?.Rank ?? DBNull.Value,
            NpgsqlDbType = NpgsqlDbType.Real,
        });
        parameters.Add(new()
        {
            Value = (object?)question.After?.Position ?? DBNull.Value,
            NpgsqlDbType = NpgsqlDbType.Bigint,
        });
    }
}
