namespace Matrix.EventSourced.Projections.Push;

/// <summary>The tables of the <c>push</c> projection; what they hold stands in the README beside this file.</summary>
/// <remarks>
/// <code>
///   shared         one row per PDU that notifies whoever has the predefined rules only, and is not named in it
///   personal       one row per user for whom a PDU does something else than that: more, or nothing
///   sent           the last PDU of each local user in each room and thread: who writes has read
///   threads        which PDUs are in a thread, and over how many relations
///   rules          the push rules of users who changed theirs
///   rooms, members, member_events, levels   what rules ask about the room
/// </code>
/// </remarks>
internal static class PushSchema
{
    public const string Ddl = """
        CREATE TABLE {schema}.shared (
            event_id text COLLATE "C" PRIMARY KEY,
            room_id text COLLATE "C" NOT NULL,
            position bigint NOT NULL,
            ordinal bigint NOT NULL,
            thread_id text COLLATE "C" NOT NULL,
            sender text COLLATE "C" NOT NULL,
            is_highlight boolean NOT NULL,
            actions text COLLATE "C" NOT NULL,
            ts bigint NOT NULL
        );
        CREATE INDEX shared_room ON {schema}.shared (room_id, position);

        CREATE TABLE {schema}.personal (
            user_id text COLLATE "C" NOT NULL,
            event_id text COLLATE "C" NOT NULL,
            room_id text COLLATE "C" NOT NULL,
            position bigint NOT NULL,
            ordinal bigint NOT NULL,
            thread_id text COLLATE "C" NOT NULL,
            sender text COLLATE "C" NOT NULL,
            notifies boolean NOT NULL,
            is_highlight boolean NOT NULL,
            actions text COLLATE "C" NOT NULL,
            ts bigint NOT NULL,
            PRIMARY KEY (user_id, room_id, position)
        );
        CREATE INDEX personal_event ON {schema}.personal (event_id);
        CREATE INDEX personal_room ON {schema}.personal (room_id);

        CREATE TABLE {schema}.sent (
            user_id text COLLATE "C" NOT NULL,
            room_id text COLLATE "C" NOT NULL,
            thread_id text COLLATE "C" NOT NULL,
            position bigint NOT NULL,
            PRIMARY KEY (user_id, room_id, thread_id)
        );

        CREATE TABLE {schema}.threads (
            event_id text COLLATE "C" PRIMARY KEY,
            root text COLLATE "C" NOT NULL,
            hops smallint NOT NULL
        );

        CREATE TABLE {schema}.rules (
            user_id text COLLATE "C" PRIMARY KEY,
            sha256 text COLLATE "C" NOT NULL,
            asks_for_name boolean NOT NULL,
            rules bytea NOT NULL
        );

        CREATE TABLE {schema}.rooms (
            room_id text COLLATE "C" PRIMARY KEY,
            joined bigint NOT NULL,
            joined_local bigint NOT NULL,
            ordinal bigint NOT NULL,
            levels_id text COLLATE "C",
            create_id text COLLATE "C",
            redacted_position bigint NOT NULL
        );

        CREATE TABLE {schema}.members (
            room_id text COLLATE "C" NOT NULL,
            user_id text COLLATE "C" NOT NULL,
            membership smallint NOT NULL,
            display_name text COLLATE "C",
            event_id text COLLATE "C" NOT NULL,
            since_position bigint NOT NULL,
            has_own_rules boolean NOT NULL,
            PRIMARY KEY (room_id, user_id)
        );
        CREATE INDEX members_user ON {schema}.members (user_id);
        CREATE INDEX members_rules ON {schema}.members (room_id) WHERE has_own_rules;

        CREATE TABLE {schema}.member_events (
            event_id text COLLATE "C" PRIMARY KEY,
            room_id text COLLATE "C" NOT NULL,
            user_id text COLLATE "C" NOT NULL,
            membership smallint NOT NULL,
            display_name text COLLATE "C"
        );

        CREATE TABLE {schema}.levels (
            event_id text COLLATE "C" PRIMARY KEY,
            room_version text COLLATE "C" NOT NULL,
            json bytea NOT NULL
        );
        """;
}

/// <summary>Bounds of what is kept.</summary>
public static class PushLimits
{
    /// <summary>LIMIT: PDUs of a room, the newest, that are counted and listed. Ours: a count that large says no more
    /// than "many", and reading it stays a matter of milliseconds.</summary>
    public const int RoomHistoryMax = 5_120;

    /// <summary>Rows are removed each time that this many came, so that a message does not pay for it.</summary>
    internal const int PruneEvery = 256;

    /// <summary>Relations from a PDU to its thread. Spec: v1.19 client-server-api #threaded-read-receipts.</summary>
    internal const int ThreadHopsMax = 3;
}
