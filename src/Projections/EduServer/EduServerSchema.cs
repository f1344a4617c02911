namespace Matrix.EventSourced.Projections.EduServer;

/// <summary>The tables of the <c>eduserver</c> projection.</summary>
/// <remarks>
/// <code>
///   typing     one row per room: the position of the last change; typists: who types there now
///   receipts   the last receipt of each user, type and thread in each room; thread_id is empty for unthreaded ones
///   presence   the last presence of each user
/// </code>
/// Each row is a function of the last fact about it, so that bounded streams replay to the same rows.
/// </remarks>
internal static class EduServerSchema
{
    public const string Ddl = """
        CREATE TABLE {schema}.typing (
            room_id text COLLATE "C" PRIMARY KEY,
            position bigint NOT NULL);
        CREATE TABLE {schema}.typists (
            room_id text COLLATE "C" NOT NULL,
            place bigint NOT NULL,
            user_id text COLLATE "C" NOT NULL,
            until_ms bigint NOT NULL,
            PRIMARY KEY (room_id, place));
        CREATE TABLE {schema}.receipts (
            room_id text COLLATE "C" NOT NULL,
            user_id text COLLATE "C" NOT NULL,
            type text COLLATE "C" NOT NULL,
            thread_id text COLLATE "C" NOT NULL,
            event_id text COLLATE "C" NOT NULL,
            ts bigint NOT NULL,
            position bigint NOT NULL,
            PRIMARY KEY (room_id, user_id, type, thread_id));
        CREATE INDEX receipts_position ON {schema}.receipts (room_id, position);
        CREATE TABLE {schema}.presence (
            user_id text COLLATE "C" PRIMARY KEY,
            presence smallint NOT NULL,
            status_msg text,
            last_active_ms bigint NOT NULL,
            currently_active boolean NOT NULL,
            changed_at_ms bigint NOT NULL,
            position bigint NOT NULL);
        CREATE INDEX presence_position ON {schema}.presence (position);
        """;
}
