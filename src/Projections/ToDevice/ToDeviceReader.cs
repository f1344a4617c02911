using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Npgsql;

namespace Matrix.EventSourced.Projections.ToDevice;

/// <summary>A message that waits for a device. Shape: ContentUtf8 is a JSON object, as it was sent.</summary>
public sealed record PendingMessage(long Position, string Sender, string Type, ReadOnlyMemory<byte> ContentUtf8);

/// <summary>A message that waits for one of several devices.</summary>
public sealed record AddressedMessage(string UserId, string DeviceId, PendingMessage Message);

/// <summary>Reads what waits for devices: every question is one round trip.</summary>
/// <remarks>Requires: the caller went through the gate.</remarks>
public sealed class ToDeviceReader(NpgsqlDataSource database, IProjectionSchemas schemas)
{
    private string Schema => schemas.Live(ToDeviceProjection.ProjectionName);

    /// <summary>The first messages after a position, in the order in which they came; and whether the device has any
    /// at all.</summary>
    public async ValueTask<(List<PendingMessage> Messages, bool HasAny)> ReadAsync(
        string userId, string deviceId, long after, long upTo, int limit, CancellationToken cancellationToken)
    {
        var messages = new List<PendingMessage>();
        var hasAny = false;
        var batch = new QueryBatch(database);
        batch.Add(
            $"""
            SELECT position, sender, type, content FROM {Schema}.pending
            WHERE user_id = $1 AND device_id = $2 AND position > $3 AND position <= $4
            ORDER BY position LIMIT $5
            """,
            parameters =>
            {
                parameters.AddText(userId);
                parameters.AddText(deviceId);
                parameters.AddBigInt(after);
                parameters.AddBigInt(upTo);
                parameters.AddInt(limit);
            },
            row => messages.Add(new(
                row.GetInt64(0), row.GetString(1), row.GetString(2), row.GetFieldValue<byte[]>(3))));
        batch.Add(
            $"SELECT 1 FROM {Schema}.pending WHERE user_id = $1 AND device_id = $2 LIMIT 1",
            parameters =>
            {
                parameters.AddText(userId);
                parameters.AddText(deviceId);
            },
            _ => hasAny = true);
        await batch.ExecuteAsync(cancellationToken);
        return (messages, hasAny);
    }

    /// <summary>What waits of the messages to some users that stand at some positions; in the order in which they
    /// came, and of their devices.</summary>
    public async ValueTask<List<AddressedMessage>> ReadAtAsync(
        IReadOnlyCollection<string> userIds, IReadOnlyCollection<long> positions, CancellationToken cancellationToken)
    {
        var messages = new List<AddressedMessage>();
        var batch = new QueryBatch(database);
        batch.Add(
            $"""
            SELECT user_id, device_id, position, sender, type, content FROM {Schema}.pending
            WHERE user_id = ANY ($1) AND position = ANY ($2) ORDER BY position, device_id
            """,
            parameters =>
            {
                parameters.AddTexts([.. userIds]);
                parameters.AddBigInts([.. positions]);
            },
            row => messages.Add(new(
                row.GetString(0),
                row.GetString(1),
                new(row.GetInt64(2), row.GetString(3), row.GetString(4), row.GetFieldValue<byte[]>(5)))));
        await batch.ExecuteAsync(cancellationToken);
        return messages;
    }

    /// <summary>Whether messages up to a position wait for a device.</summary>
    public async ValueTask<bool> HasPendingAsync(
        string userId, string deviceId, long upTo, CancellationToken cancellationToken)
    {
        var found = false;
        var batch = new QueryBatch(database);
        batch.Add(
            $"SELECT 1 FROM {Schema}.pending WHERE user_id = $1 AND device_id = $2 AND position <= $3 LIMIT 1",
            parameters =>
            {
                parameters.AddText(userId);
                parameters.AddText(deviceId);
                parameters.AddBigInt(upTo);
            },
            _ => found = true);
        await batch.ExecuteAsync(cancellationToken);
        return found;
    }

    /// <summary>The position of the oldest message that waits for any of a user's devices; null for none.</summary>
    public async ValueTask<long?> FindOldestAsync(string userId, CancellationToken cancellationToken)
    {
        long? oldest = null;
        var batch = new QueryBatch(database);
        batch.Add(
            $"SELECT min(position) FROM {Schema}.pending WHERE user_id = $1",
            parameters => parameters.AddText(userId),
            row => oldest = row.IsDBNull(0) ? null : row.GetInt64(0));
        await batch.ExecuteAsync(cancellationToken);
        return oldest;
    }

    /// <summary>Those of the users that have a device here.</summary>
    public async ValueTask<HashSet<UserId>> WithDevicesAsync(
        IReadOnlyCollection<UserId> users, CancellationToken cancellationToken)
    {
        var found = new HashSet<UserId>();
        var batch = new QueryBatch(database);
        batch.Add(
            $"SELECT DISTINCT user_id FROM {Schema}.devices WHERE user_id = ANY ($1)",
            parameters => parameters.AddTexts([.. users.Select(user => user.Value)]),
            row => found.Add(UserId.Parse(row.GetString(0))));
        await batch.ExecuteAsync(cancellationToken);
        return found;
    }
}
