using Matrix.EventSourced.Protocol.AppServices;

namespace Matrix.EventSourced.Projections.AppService;

/// <summary>The tables; what they hold stands in the README beside this file.</summary>
internal static class AppserviceSchema
{
    /// <summary>Who is interested in what is part of the tables, so another set of registrations means other tables:
    /// the host sees that by the text, and makes them again.</summary>
    public static string Ddl(AppserviceSet services) => $$"""
        -- {{services.Fingerprint}}
        CREATE TABLE {schema}.joins (event_id text COLLATE "C" PRIMARY KEY);
        CREATE TABLE {schema}.members (
            room_id text COLLATE "C" NOT NULL,
            user_id text COLLATE "C" NOT NULL,
            PRIMARY KEY (room_id, user_id));
        CREATE INDEX ON {schema}.members (user_id);
        CREATE TABLE {schema}.interest (
            room_id text COLLATE "C" NOT NULL,
            appservice text COLLATE "C" NOT NULL,
            reasons bigint NOT NULL,
            PRIMARY KEY (room_id, appservice));
        CREATE TABLE {schema}.queue (
            appservice text COLLATE "C" NOT NULL,
            position bigint NOT NULL,
            stream text COLLATE "C" NOT NULL,
            revision bigint NOT NULL,
            is_pdu boolean NOT NULL,
            recorded_ms bigint NOT NULL,
            subject text COLLATE "C",
            PRIMARY KEY (appservice, position));
        CREATE INDEX ON {schema}.queue (appservice, subject) WHERE subject IS NOT NULL;
        CREATE TABLE {schema}.services (
            appservice text COLLATE "C" PRIMARY KEY,
            delivered_up_to bigint NOT NULL,
            attempt_up_to bigint NOT NULL,
            failures bigint NOT NULL,
            failing_since_ms bigint NOT NULL,
            retry_at_ms bigint NOT NULL,
            reason text);
        CREATE TABLE {schema}.listings (
            appservice text COLLATE "C" NOT NULL,
            network_id text COLLATE "C" NOT NULL,
            room_id text COLLATE "C" NOT NULL,
            PRIMARY KEY (appservice, network_id, room_id));
        """;
}
