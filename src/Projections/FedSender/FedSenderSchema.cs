namespace Matrix.EventSourced.Projections.FedSender;

/// <summary>The tables; what they hold stands in the README beside this file.</summary>
internal static class FedSenderSchema
{
    public const string Ddl = """
        CREATE TABLE {schema}.joins (event_id text COLLATE "C" PRIMARY KEY);
        CREATE TABLE {schema}.pending (event_id text COLLATE "C" PRIMARY KEY);
        CREATE TABLE {schema}.members (
            room_id text COLLATE "C" NOT NULL,
            user_id text COLLATE "C" NOT NULL,
            PRIMARY KEY (room_id, user_id));
        CREATE INDEX ON {schema}.members (user_id);
        CREATE TABLE {schema}.hosts (
            room_id text COLLATE "C" NOT NULL,
            server text COLLATE "C" NOT NULL,
            members bigint NOT NULL,
            PRIMARY KEY (room_id, server));
        CREATE TABLE {schema}.queue (
            destination text COLLATE "C" NOT NULL,
            position bigint NOT NULL,
            room_id text COLLATE "C",
            stream text COLLATE "C" NOT NULL,
            revision bigint NOT NULL,
            is_pdu boolean NOT NULL,
            recorded_ms bigint NOT NULL,
            subject text COLLATE "C",
            PRIMARY KEY (destination, position));
        CREATE INDEX ON {schema}.queue (destination, room_id) WHERE is_pdu;
        CREATE INDEX ON {schema}.queue (destination, subject) WHERE subject IS NOT NULL;
        CREATE TABLE {schema}.destinations (
            destination text COLLATE "C" PRIMARY KEY,
            delivered_up_to bigint NOT NULL,
            failures bigint NOT NULL,
            failing_since_ms bigint NOT NULL,
            retry_at_ms bigint NOT NULL,
            reason text);
        """;
}
