namespace Matrix.EventSourced.Projections.KeyServer;

/// <summary>The tables; what they hold stands in the README beside this file.</summary>
internal static class KeyServerSchema
{
    public const string Ddl = """
        CREATE TABLE {schema}.accounts (user_id text COLLATE "C" PRIMARY KEY);
        CREATE TABLE {schema}.account_devices (
            user_id text COLLATE "C" NOT NULL,
            device_id text COLLATE "C" NOT NULL,
            display_name text,
            PRIMARY KEY (user_id, device_id));
        CREATE TABLE {schema}.devices (
            user_id text COLLATE "C" NOT NULL,
            device_id text COLLATE "C" NOT NULL,
            display_name text,
            keys bytea,
            PRIMARY KEY (user_id, device_id));
        CREATE TABLE {schema}.signing_keys (
            user_id text COLLATE "C" PRIMARY KEY,
            master bytea,
            self_signing bytea,
            user_signing bytea);
        CREATE TABLE {schema}.signatures (
            signer text COLLATE "C" NOT NULL,
            user_id text COLLATE "C" NOT NULL,
            public_key text COLLATE "C" NOT NULL,
            signing_key_id text COLLATE "C" NOT NULL,
            signature text COLLATE "C" NOT NULL,
            position bigint NOT NULL,
            PRIMARY KEY (signer, user_id, public_key, signing_key_id));
        CREATE TABLE {schema}.lists (
            user_id text COLLATE "C" PRIMARY KEY,
            stream_id bigint NOT NULL,
            is_remote boolean NOT NULL,
            is_current boolean NOT NULL);
        CREATE INDEX ON {schema}.lists (user_id) WHERE is_remote AND NOT is_current;
        CREATE TABLE {schema}.changes (
            user_id text COLLATE "C" PRIMARY KEY,
            position bigint NOT NULL,
            own_position bigint NOT NULL);
        CREATE INDEX ON {schema}.changes (position);
        CREATE TABLE {schema}.supplies (
            user_id text COLLATE "C" NOT NULL,
            device_id text COLLATE "C" NOT NULL,
            algorithms text[] COLLATE "C" NOT NULL,
            counts bigint[] NOT NULL,
            fallback text[] COLLATE "C" NOT NULL,
            PRIMARY KEY (user_id, device_id));
        """;
}
