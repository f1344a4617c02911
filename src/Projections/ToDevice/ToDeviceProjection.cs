using System.Collections.Frozen;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Npgsql;

namespace Matrix.EventSourced.Projections.ToDevice;

/// <summary>Messages that wait for a device, and the devices that there are.</summary>
/// <remarks>
/// A message is for the devices of that point of the log: one that comes later gets none, one that goes loses its own.
/// After a batch committed, <see cref="LiveToDevice"/> learns whose devices have something, and ends their polls.
/// </remarks>
public sealed class ToDeviceProjection(LiveToDevice live) : IProjection
{
    public const string ProjectionName = "todevice";

    /// <summary>What reads of this component wait for.</summary>
    public static readonly ReadOnlyMemory<string> Gate = new[] { ProjectionName };

    public string Name => ProjectionName;

    public int Version => 1;

    public FrozenSet<string> Handles { get; } = FrozenSet.Create(
        StringComparer.Ordinal,
        FactNames.DeviceCreated,
        FactNames.DeviceDeleted,
        FactNames.ToDeviceSent,
        FactNames.ToDeviceAcknowledged);

    public string Ddl => """
        CREATE TABLE {schema}.devices (
            user_id text COLLATE "C" NOT NULL,
            device_id text COLLATE "C" NOT NULL,
            PRIMARY KEY (user_id, device_id));
        CREATE TABLE {schema}.pending (
            user_id text COLLATE "C" NOT NULL,
            device_id text COLLATE "C" NOT NULL,
            position bigint NOT NULL,
            sender text COLLATE "C" NOT NULL,
            type text COLLATE "C" NOT NULL,
            content bytea NOT NULL,
            PRIMARY KEY (user_id, device_id, position));
        """;

    public async ValueTask ApplyAsync(ProjectionBatch batch, CancellationToken cancellationToken)
    {
        if (batch.Facts.Count == 0)
            return;
        // One after the other, in the order of the log.
        await using var commands = new NpgsqlBatch(batch.Connection, batch.Transaction);
        foreach (var record in batch.Facts)
            Add(commands, batch.Schema, record.Fact, (long)record.Record.Position.Value);
        await commands.ExecuteNonQueryAsync(cancellationToken);
    }

    public void WentLive(string schema, LogPosition upTo) => live.Reset((long)upTo.Value);

    public void Committed(ProjectionBatch batch)
    {
        foreach (var record in batch.Facts)
        {
            if (record.Fact is ToDeviceSent sent)
                live.Sent(sent.Recipient.Value, (long)record.Record.Position.Value);
        }
    }

    private static void Add(NpgsqlBatch commands, string schema, IFact fact, long position)
    {
        switch (fact)
        {
            case DeviceCreated created:
                AddDevice(
                    commands.Add($"INSERT INTO {schema}.devices VALUES ($1, $2) ON CONFLICT DO NOTHING"),
                    created.UserId.Value,
                    created.DeviceId);
                break;
            case DeviceDeleted deleted:
                foreach (var table in (ReadOnlySpan<string>)["devices", "pending"])
                {
                    AddDevice(
                        commands.Add($"DELETE FROM {schema}.{table} WHERE user_id = $1 AND device_id = $2"),
                        deleted.UserId.Value,
                        deleted.DeviceId);
                }
                break;
            case ToDeviceSent sent:
                AddMessages(commands, schema, sent, position);
                break;
            case ToDeviceAcknowledged got:
                var delete = commands.Add(
                    $"DELETE FROM {schema}.pending WHERE user_id = $1 AND device_id = $2 AND position <= $3");
                AddDevice(delete, got.UserId.Value, got.DeviceId);
                delete.AddBigInt(got.UpTo);
                break;
        }
    }

    private static void AddDevice(NpgsqlParameterCollection parameters, string userId, string deviceId)
    {
        parameters.AddText(userId);
        parameters.AddText(deviceId);
    }

    private static void AddMessages(NpgsqlBatch commands, string schema, ToDeviceSent sent, long position)
    {
        // One message for each device: its own, rather than the one for all.
        var insert = commands.Add(
            $"""
            INSERT INTO {schema}.pending (user_id, device_id, position, sender, type, content)
            SELECT DISTINCT ON (d.device_id) d.user_id, d.device_id, $2, $3, $4, m.content
            FROM unnest($5, $6) AS m (device_id, content)
            JOIN {schema}.devices d ON d.user_id = $1 AND (m.device_id = d.device_id OR m.device_id = '*')
            ORDER BY d.device_id, m.device_id = '*'
            ON CONFLICT DO NOTHING
            """);
        insert.AddText(sent.Recipient.Value);
        insert.AddBigInt(position);
        insert.AddText(sent.Sender.Value);
        insert.AddText(sent.Type);
        insert.AddTexts([.. sent.Messages.Select(message => message.DeviceId)]);
        insert.AddBytes([.. sent.Messages.Select(message => message.Content.Utf8.ToArray())]);
    }
}
