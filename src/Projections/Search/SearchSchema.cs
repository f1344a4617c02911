namespace Matrix.EventSourced.Projections.Search;

/// <summary>The table; what it holds stands in the README beside this file.</summary>
internal static class SearchSchema
{
    /// <summary>How text becomes words: the same for what is stored and for what is asked.</summary>
    public const string Configuration = "pg_catalog.english";

    public const string Ddl = """
        CREATE TABLE {schema}.entries (
            event_id text COLLATE "C" PRIMARY KEY,
            room_id text COLLATE "C" NOT NULL,
            position bigint NOT NULL,
            disposition smallint NOT NULL,
            key text COLLATE "C" NOT NULL,
            type text COLLATE "C" NOT NULL,
            sender text COLLATE "C" NOT NULL,
            has_url boolean NOT NULL,
            words tsvector NOT NULL,
            is_redacted boolean NOT NULL
        );
        CREATE INDEX entries_words ON {schema}.entries USING gin (words);
        """;
}
