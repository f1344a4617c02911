namespace Matrix.EventSourced.Projections.Relations;

/// <summary>The table; what it holds stands in the README beside this file.</summary>
internal static class RelationsSchema
{
    public const string Ddl = """
        CREATE TABLE {schema}.relations (
            event_id text COLLATE "C" PRIMARY KEY,
            room_id text COLLATE "C" NOT NULL,
            position bigint NOT NULL,
            disposition smallint NOT NULL,
            relates_to text COLLATE "C" NOT NULL,
            rel_type text COLLATE "C" NOT NULL,
            key_sha256 bytea,
            type text COLLATE "C" NOT NULL,
            sender text COLLATE "C" NOT NULL,
            is_state boolean NOT NULL,
            has_new_content boolean NOT NULL,
            origin_server_ts bigint NOT NULL,
            is_redacted boolean NOT NULL
        );
        CREATE INDEX relations_parent ON {schema}.relations (relates_to, position);
        CREATE INDEX relations_threads ON {schema}.relations (room_id, position) WHERE rel_type = 'm.thread';
        """;

    /// <summary>What is shown to clients at all: accepted or fetched history, and not redacted.</summary>
    public static string IsShown(string table) => $"({table}.disposition IN (0, 4) AND NOT {table}.is_redacted)";
}
