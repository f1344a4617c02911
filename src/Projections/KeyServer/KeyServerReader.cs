using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Projections.FedSender;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Npgsql;

namespace Matrix.EventSourced.Projections.KeyServer;

/// <summary>Whose device lists changed between two positions, as one user sees it. Shape: both ordered.</summary>
public sealed record DeviceListChanges(IReadOnlyList<string> Changed, IReadOnlyList<string> Left)
{
    public static readonly DeviceListChanges None = new([], []);

    public bool IsEmpty => Changed.Count == 0 && Left.Count == 0;
}

/// <summary>Reads the KeyServer's tables: every question is one round trip.</summary>
/// <remarks>Requires: the caller went through the gate, or knows the position it asks for as committed.</remarks>
public sealed class KeyServerReader(NpgsqlDataSource database, IProjectionSchemas schemas)
{
    private string Keys => schemas.Live(KeyServerProjection.ProjectionName);

    private string Rooms => schemas.Live(RoomserverProjection.ProjectionName);

    private string Hosts => schemas.Live(FedSenderProjection.ProjectionName);

    /// <summary>What a device has left to give out.</summary>
    public async ValueTask<KeySupply> ReadSupplyAsync(
        string userId, string deviceId, CancellationToken cancellationToken)
    {
        var supply = LiveKeySupplies.None;
        var batch = new QueryBatch(database);
        batch.Add(
            $"SELECT algorithms, counts, fallback FROM {Keys}.supplies WHERE user_id = $1 AND device_id = $2",
            parameters =>
            {
                parameters.AddText(userId);
                parameters.AddText(deviceId);
            },
            row =>
            {
                var algorithms = row.GetFieldValue<string[]>(0);
                var counts = row.GetFieldValue<long[]>(1);
                supply = new(
                    [.. algorithms.Zip(counts, (algorithm, count) => new KeyCount(algorithm, count))],
                    [.. row.GetFieldValue<string[]>(2)]);
            });
        await batch.ExecuteAsync(cancellationToken);
        return supply;
    }

    /// <summary>Everything about some users' keys. Shape: signatures on master keys are those that the reader
    /// made.</summary>
    public async ValueTask<StoredKeys> ReadKeysAsync(
        IReadOnlyCollection<string> userIds, string? reader, CancellationToken cancellationToken)
    {
        var keys = new StoredKeys();
        string[] users = [.. userIds];
        var batch = new QueryBatch(database);
        batch.Add(
            $"SELECT user_id FROM {Keys}.accounts WHERE user_id = ANY ($1)",
            parameters => parameters.AddTexts(users),
            row => keys.Accounts.Add(row.GetString(0)));
        batch.Add(
            $"""
            SELECT user_id, device_id, display_name, keys FROM {Keys}.devices
            WHERE user_id = ANY ($1) ORDER BY user_id, device_id
            """,
            parameters => parameters.AddTexts(users),
            row => keys.DevicesOf(row.GetString(0)).Add(new(row.GetString(1), Text(row, 2), Bytes(row, 3))));
        batch.Add(
            $"SELECT user_id, master, self_signing, user_signing FROM {Keys}.signing_keys WHERE user_id = ANY ($1)",
            parameters => parameters.AddTexts(users),
            row => keys.SigningKeys.Add(
                row.GetString(0), new(Bytes(row, 1), Bytes(row, 2), Bytes(row, 3))));
        batch.Add(
            $"SELECT user_id, stream_id, is_remote AND is_current FROM {Keys}.lists WHERE user_id = ANY ($1)",
            parameters => parameters.AddTexts(users),
            row =>
            {
                keys.StreamIds.Add(row.GetString(0), row.GetInt64(1));
                if (row.GetBoolean(2))
                    keys.Tracked.Add(row.GetString(0));
            });
        if (reader is not null)
        {
            batch.Add(
                $"""
                SELECT user_id, public_key, signing_key_id, signature FROM {Keys}.signatures
                WHERE signer = $1 AND user_id = ANY ($2) ORDER BY user_id, signing_key_id
                """,
                parameters =>
                {
                    parameters.AddText(reader);
                    parameters.AddTexts(users);
                },
                row => keys.Signatures.Add(
                    new(row.GetString(0), row.GetString(1), row.GetString(2), row.GetString(3))));
        }
        await batch.ExecuteAsync(cancellationToken);
        return keys;
    }

    /// <summary>Whom a user has to ask about again, and whom they share no room with any more.</summary>
    /// <remarks>
    /// Spec: v1.19 client-server-api #e2e-extensions-to-sync, #tracking-the-device-list-for-a-user.
    /// Changed: whose list changed while they share a room now; who shares one now and did not share that one before.
    /// Left: who shared a room before, and shares none now. Who moves on after the position may be told of too early,
    /// and is told of again.
    /// </remarks>
    public async ValueTask<DeviceListChanges> ReadChangesAsync(
        string userId, long since, long upTo, CancellationToken cancellationToken)
    {
        var changed = new SortedSet<string>(StringComparer.Ordinal);
        var left = new SortedSet<string>(StringComparer.Ordinal);
        var batch = new QueryBatch(database);
        batch.Add(
            ChangesSql,
            parameters =>
            {
                parameters.AddText(userId);
                parameters.AddBigInt(since);
                parameters.AddBigInt(upTo);
            },
            row => (row.GetBoolean(1) ? left : changed).Add(row.GetString(0)));
        await batch.ExecuteAsync(cancellationToken);
        left.ExceptWith(changed);
        return changed.Count + left.Count == 0 ? DeviceListChanges.None : new([.. changed], [.. left]);
    }

    /// <summary>Those of some users of other servers that share a room with users of ours.</summary>
    public async ValueTask<HashSet<string>> SharingAsync(
        IReadOnlyCollection<string> userIds, ServerName us, CancellationToken cancellationToken)
    {
        var found = new HashSet<string>(StringComparer.Ordinal);
        if (userIds.Count == 0)
            return found;
        var batch = new QueryBatch(database);
        batch.Add(
            $"""
            SELECT u.user_id FROM unnest($1) AS u (user_id)
            WHERE EXISTS (SELECT FROM {Hosts}.members m JOIN {Hosts}.hosts h USING (room_id)
                WHERE m.user_id = u.user_id AND h.server = $2)
            """,
            parameters =>
            {
                parameters.AddTexts([.. userIds]);
                parameters.AddText(us.Value);
            },
            row => found.Add(row.GetString(0)));
        await batch.ExecuteAsync(cancellationToken);
        return found;
    }

    /// <summary>Those of some users of other servers whose updates may have been missed: since before a position they
    /// share no room with this server that it has not left meanwhile.</summary>
    /// <param name="userIds">Who left rooms.</param>
    /// <param name="leftRooms">Rooms that this server left: then everybody counts whose list is kept.</param>
    /// <param name="before">The position.</param>
    /// <param name="us">This server.</param>
    /// <param name="cancellationToken">Nobody wants the answer any more.</param>
    public async ValueTask<List<UserId>> ReadPartedAsync(
        IReadOnlyCollection<string> userIds,
        IReadOnlyCollection<string> leftRooms,
        long before,
        ServerName us,
        CancellationToken cancellationToken)
    {
        var found = new List<UserId>();
        var batch = new QueryBatch(database);
        batch.Add(
            $"""
            SELECT l.user_id FROM {Keys}.lists l
            WHERE l.is_remote AND (l.user_id = ANY ($1) OR $5) AND NOT EXISTS (
                SELECT FROM {Rooms}.memberships m JOIN {Hosts}.hosts h ON h.room_id = m.room_id AND h.server = $4
                WHERE m.user_id = l.user_id AND m.membership = {(int)Membership.Join}
                    AND m.since_position < $2 AND m.room_id <> ALL ($3))
            """,
            parameters =>
            {
                parameters.AddTexts([.. userIds]);
                parameters.AddBigInt(before);
                parameters.AddTexts([.. leftRooms]);
                parameters.AddText(us.Value);
                parameters.AddBoolean(leftRooms.Count > 0);
            },
            row => found.Add(UserId.Parse(row.GetString(0))));
        await batch.ExecuteAsync(cancellationToken);
        return found;
    }

    /// <summary>Whether servers are in a room that share no other one with a user.</summary>
    public async ValueTask<bool> HasNewServersAsync(
        string userId, string roomId, ServerName us, CancellationToken cancellationToken)
    {
        var found = false;
        var batch = new QueryBatch(database);
        batch.Add(
            $"""
            SELECT 1 FROM {Hosts}.hosts h WHERE h.room_id = $2 AND h.server <> $3 AND NOT EXISTS (
                SELECT FROM {Hosts}.members m JOIN {Hosts}.hosts o ON o.room_id = m.room_id
                WHERE m.user_id = $1 AND m.room_id <> $2 AND o.server = h.server)
            LIMIT 1
            """,
            parameters =>
            {
                parameters.AddText(userId);
                parameters.AddText(roomId);
                parameters.AddText(us.Value);
            },
            _ => found = true);
        await batch.ExecuteAsync(cancellationToken);
        return found;
    }

    /// <summary>Users of other servers whose list is kept, or has to be fetched: those with whom nobody here shares a
    /// room any more, and those that are outdated.</summary>
    public async ValueTask<(List<UserId> Unshared, List<UserId> Outdated)> ReadRemoteDutiesAsync(
        ServerName us, int limit, CancellationToken cancellationToken)
    {
        var unshared = new List<UserId>();
        var outdated = new List<UserId>();
        var batch = new QueryBatch(database);
        batch.Add(
            $"""
            SELECT l.user_id FROM {Keys}.lists l WHERE l.is_remote
                AND NOT EXISTS (SELECT FROM {Hosts}.members m JOIN {Hosts}.hosts h USING (room_id)
                    WHERE m.user_id = l.user_id AND h.server = $1)
            """,
            parameters => parameters.AddText(us.Value),
            row => unshared.Add(UserId.Parse(row.GetString(0))));
        batch.Add(
            $"SELECT user_id FROM {Keys}.lists WHERE is_remote AND NOT is_current ORDER BY user_id LIMIT $1",
            parameters => parameters.AddInt(limit),
            row => outdated.Add(UserId.Parse(row.GetString(0))));
        await batch.ExecuteAsync(cancellationToken);
        return (unshared, outdated);
    }

    /// <summary>Users of this server whose devices others are told of otherwise than the account says.</summary>
    public async ValueTask<List<UserId>> ReadUnreconciledAsync(CancellationToken cancellationToken)
    {
        var found = new List<UserId>();
        var batch = new QueryBatch(database);
        batch.Add(
            $"""
            SELECT DISTINCT d.user_id FROM {Keys}.devices d
            JOIN {Keys}.accounts a ON a.user_id = d.user_id
            LEFT JOIN {Keys}.account_devices k ON k.user_id = d.user_id AND k.device_id = d.device_id
            WHERE k.user_id IS NULL OR k.display_name IS DISTINCT FROM d.display_name
            """,
            static _ => { },
            row => found.Add(UserId.Parse(row.GetString(0))));
        await batch.ExecuteAsync(cancellationToken);
        return found;
    }

    /// <summary>$1 user, $2 since, $3 up to; rows: a user, and whether they are gone.</summary>
    /// <remarks>Cost: all members of rooms that the user joined or left meanwhile; of others what changed.</remarks>
    private string ChangesSql =>
        $"""
        WITH mine AS MATERIALIZED (
            SELECT m.room_id,
                bool_or(s.from_position <= $2 AND s.to_position > $2) AS before,
                bool_or(s.from_position <= $3 AND s.to_position > $3) AS now
            FROM {Rooms}.memberships m
            JOIN {Rooms}.state s ON s.room_id = m.room_id AND s.type = 'm.room.member' AND s.state_key = $1
                AND s.membership = {(int)Membership.Join} AND s.to_position > $2 AND s.from_position <= $3
            WHERE m.user_id = $1
            GROUP BY m.room_id),
        gone AS (
            SELECT s.state_key AS user_id FROM mine
            JOIN {Rooms}.state s ON s.room_id = mine.room_id AND s.type = 'm.room.member'
                AND s.membership = {(int)Membership.Join} AND s.from_position <= $2 AND s.to_position > $2
            WHERE mine.before AND NOT mine.now AND s.state_key <> $1
            UNION
            SELECT s.state_key FROM mine
            JOIN {Rooms}.state s ON s.room_id = mine.room_id AND s.type = 'm.room.member'
                AND s.membership = {(int)Membership.Join} AND s.from_position <= $2
                AND s.to_position > $2 AND s.to_position <= $3
            WHERE mine.before AND mine.now AND s.state_key <> $1)
        SELECT c.user_id, false FROM {Keys}.changes c
        WHERE c.position > $2 AND c.position <= $3 AND EXISTS (
            SELECT FROM {Rooms}.memberships o JOIN mine ON mine.room_id = o.room_id AND mine.now
            WHERE o.user_id = c.user_id AND o.membership = {(int)Membership.Join})
        UNION ALL
        SELECT c.user_id, false FROM {Keys}.changes c
        WHERE c.user_id = $1 AND greatest(c.position, c.own_position) > $2
            AND greatest(c.position, c.own_position) <= $3
        UNION ALL
        SELECT g.user_id, false FROM {Keys}.signatures g
        WHERE g.signer = $1 AND g.position > $2 AND g.position <= $3
        UNION ALL
        SELECT s.state_key, false FROM mine
        JOIN {Rooms}.state s ON s.room_id = mine.room_id AND s.type = 'm.room.member'
            AND s.membership = {(int)Membership.Join} AND s.from_position <= $3 AND s.to_position > $3
        WHERE mine.now AND NOT mine.before AND s.state_key <> $1
        UNION ALL
        SELECT s.state_key, false FROM mine
        JOIN {Rooms}.state s ON s.room_id = mine.room_id AND s.type = 'm.room.member'
            AND s.membership = {(int)Membership.Join} AND s.from_position > $2 AND s.from_position <= $3
            AND s.to_position > $3
        WHERE mine.now AND mine.before AND s.state_key <> $1 AND NOT EXISTS (
            SELECT FROM {Rooms}.state b WHERE b.room_id = s.room_id AND b.type = 'm.room.member'
                AND b.state_key = s.state_key AND b.membership = {(int)Membership.Join}
                AND b.from_position <= $2 AND b.to_position > $2)
        UNION ALL
        SELECT gone.user_id, true FROM gone WHERE NOT EXISTS (
            SELECT FROM {Rooms}.memberships o JOIN mine ON mine.room_id = o.room_id AND mine.now
            WHERE o.user_id = gone.user_id AND o.membership = {(int)Membership.Join})
        """;

    private static string? Text(NpgsqlDataReader row, int column) =>
        row.IsDBNull(column) ? null : row.GetString(column);

    /// <summary>Null stays null: an array that is none would become empty memory.</summary>
    private static ReadOnlyMemory<byte>? Bytes(NpgsqlDataReader row, int column) =>
        row.IsDBNull(column) ? default(ReadOnlyMemory<byte>?) : row.GetFieldValue<byte[]>(column);
}

/// <summary>Keys of some users, as the tables have them.</summary>
public sealed class StoredKeys
{
    /// <summary>Those of the users that have an account here.</summary>
    public HashSet<string> Accounts { get; } = new(StringComparer.Ordinal);

    public SortedDictionary<string, List<StoredDevice>> Devices { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, StoredSigningKeys> SigningKeys { get; } = new(StringComparer.Ordinal);

    /// <summary>The last update of each user's device list.</summary>
    public Dictionary<string, long> StreamIds { get; } = new(StringComparer.Ordinal);

    /// <summary>Users of other servers whose list is here as it is there.</summary>
    public HashSet<string> Tracked { get; } = new(StringComparer.Ordinal);

    public List<StoredSignature> Signatures { get; } = [];

    internal List<StoredDevice> DevicesOf(string userId)
    {
        if (!Devices.TryGetValue(userId, out var devices))
            Devices.Add(userId, devices = []);
        return devices;
    }
}

/// <summary>A device. Shape: KeysUtf8 is canonical JSON, null where it has none.</summary>
public sealed record StoredDevice(string DeviceId, string? DisplayName, ReadOnlyMemory<byte>? KeysUtf8);

/// <summary>Cross-signing keys, canonical JSON.</summary>
public sealed record StoredSigningKeys(
    ReadOnlyMemory<byte>? MasterUtf8, ReadOnlyMemory<byte>? SelfSigningUtf8, ReadOnlyMemory<byte>? UserSigningUtf8);

/// <summary>A signature on another user's master key.</summary>
public sealed record StoredSignature(string UserId, string PublicKey, string SigningKeyId, string Signature);
