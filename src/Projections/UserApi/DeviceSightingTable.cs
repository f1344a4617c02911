using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;
using Npgsql;
using NpgsqlTypes;

namespace Matrix.EventSourced.Projections.UserApi;

/// <summary>The last use of each device: a fixed schema, overwritten in place, which the log does not know.</summary>
/// <remarks>
/// No projection writes it, so a rebuild does not touch it; whoever drops the database loses it until the devices are
/// used again. Addresses are personal data: one row a device, no history, deleted with the device. ADR 0083.
/// </remarks>
public sealed class DeviceSightingTable(
    NpgsqlDataSource database, IProjectionSchemas schemas, DeviceSightings sightings) : IFixedSchema
{
    private const string Upsert =
        """
        INSERT INTO usage.device_sightings AS held (user_id, device_id, seen_at_ms, address, user_agent)
        SELECT * FROM unnest($1, $2, $3, $4, $5)
        ON CONFLICT (user_id, device_id) DO UPDATE
        SET seen_at_ms = excluded.seen_at_ms, address = excluded.address, user_agent = excluded.user_agent
        WHERE excluded.seen_at_ms >= held.seen_at_ms
        """;

    private const string Delete =
        """
        DELETE FROM usage.device_sightings held USING unnest($1, $2) AS gone (user_id, device_id)
        WHERE held.user_id = gone.user_id AND held.device_id = gone.device_id
        """;

    public string Ddl => """
        CREATE SCHEMA IF NOT EXISTS usage;
        CREATE TABLE IF NOT EXISTS usage.device_sightings (
            user_id text COLLATE "C" NOT NULL,
            device_id text COLLATE "C" NOT NULL,
            seen_at_ms bigint NOT NULL,
            address text NOT NULL,
            user_agent text,
            PRIMARY KEY (user_id, device_id));
        """;

    /// <summary>The last use of each of a user's devices that was ever used.</summary>
    /// <remarks>Cost: one read; the minute that is not written yet comes from memory.</remarks>
    public async ValueTask<IReadOnlyDictionary<string, DeviceSighting>> FindAsync(
        UserId user, IReadOnlyList<Device> devices, CancellationToken cancellationToken)
    {
        // Memory first: what leaves it meanwhile is in the table by then.
        var found = new Dictionary<string, DeviceSighting>(StringComparer.Ordinal);
        var stored = new HashSet<string>(StringComparer.Ordinal);
        foreach (var device in devices)
        {
            if (!sightings.TryFind(user, device.DeviceId, out var sighting))
                stored.Add(device.DeviceId);
            else if (sighting is not null)
                found[device.DeviceId] = sighting;
        }
        if (stored.Count == 0)
            return found;
        await using var command = database.CreateCommand(
            "SELECT device_id, seen_at_ms, address, user_agent FROM usage.device_sightings WHERE user_id = $1");
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = user.Value });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            if (stored.Contains(reader.GetString(0)))
                found[reader.GetString(0)] = new DeviceSighting(
                    reader.GetInt64(1), reader.GetString(2), reader.IsDBNull(3) ? null : reader.GetString(3));
        }
        return found;
    }

    /// <summary>Writes what was noted since the last round, in one round trip.</summary>
    public async Task WriteRoundAsync(CancellationToken cancellationToken)
    {
        var round = sightings.BeginRound();
        if (round.Length == 0)
            return;
        var seen = round.Where(one => one.Value is not null).ToArray();
        var gone = round.Where(one => one.Value is null).ToArray();
        await using var batch = database.CreateBatch();
        batch.BatchCommands.Add(new NpgsqlBatchCommand(Upsert)
        {
            Parameters =
            {
                Texts(seen.Select(one => one.Key.UserId)),
                Texts(seen.Select(one => one.Key.DeviceId)),
                new NpgsqlParameter<long[]> { TypedValue = [.. seen.Select(one => one.Value!.SeenAtMs)] },
                Texts(seen.Select(one => one.Value!.Address)),
                Texts(seen.Select(one => one.Value!.UserAgent)),
            },
        });
        batch.BatchCommands.Add(new NpgsqlBatchCommand(Delete)
        {
            Parameters = { Texts(gone.Select(one => one.Key.UserId)), Texts(gone.Select(one => one.Key.DeviceId)) },
        });
        await batch.ExecuteNonQueryAsync(cancellationToken);
        sightings.EndRound();
    }

    /// <summary>Deletes rows of devices that there are no more, which a crash or a late request may leave.</summary>
    public async Task<int> SweepAsync(CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            $"""
            DELETE FROM usage.device_sightings held WHERE NOT EXISTS (
                SELECT FROM {schemas.Live(UserApiProjection.ProjectionName)}.mt_doc_devicedocument device
                WHERE device.id = held.user_id || '|' || held.device_id)
            """);
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static NpgsqlParameter Texts(IEnumerable<string?> values) => new()
    {
        Value = values.ToArray(),
        NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text,
    };
}
