using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Npgsql;

namespace Matrix.EventSourced.Projections.KeyServer;

/// <summary>The statements that facts become.</summary>
internal sealed class KeyServerStatements(NpgsqlBatch commands, string schema)
{
    /// <summary>Whose keys everybody who shares a room with them has to ask for again; null for other facts.</summary>
    public static UserId? ChangedUserOf(IFact fact) => fact switch
    {
        DeviceListUpdated { IsRepeated: false } updated => updated.UserId,
        CrossSigningKeysChanged { IsPrivate: false } changed => changed.UserId,
        RemoteDeviceListFetched { IsNews: true } fetched => fetched.UserId,
        RemoteDeviceUpdated updated => updated.UserId,
        RemoteSigningKeysUpdated updated => updated.UserId,
        RemoteDeviceListOutdated outdated => outdated.UserId,
        _ => null,
    };

    public void Add(IFact fact, long position)
    {
        switch (fact)
        {
            case AccountRegistered registered:
                Add("INSERT INTO {0}.accounts VALUES ($1) ON CONFLICT DO NOTHING", registered.UserId.Value);
                break;
            case DeviceCreated created:
                SetAccountDevice(created.UserId, created.DeviceId, created.DisplayName);
                break;
            case DeviceRenamed renamed:
                SetAccountDevice(renamed.UserId, renamed.DeviceId, renamed.DisplayName);
                break;
            case DeviceDeleted deleted:
                Delete(deleted.UserId, deleted.DeviceId);
                break;
            case DeviceListUpdated updated:
                Add(updated);
                break;
            case CrossSigningKeysChanged changed:
                SetSigningKeys(
                    changed.UserId, changed.MasterKey, changed.SelfSigningKey, changed.UserSigningKey, keeps: false);
                if (changed.IsPrivate)
                    Changed(changed.UserId, 0, position);
                break;
            case MasterKeySigned signed:
                Add(signed, position);
                break;
            case IOneTimeKeyFact supplied:
                Add(supplied);
                break;
            case IRemoteDeviceFact remote:
                Add(remote);
                break;
        }
        if (ChangedUserOf(fact) is { } user)
            Changed(user, position, position);
    }

    private void SetAccountDevice(UserId user, string deviceId, string? name)
    {
        var parameters = Add(
            """
            INSERT INTO {0}.account_devices VALUES ($1, $2, $3)
            ON CONFLICT (user_id, device_id) DO UPDATE SET display_name = excluded.display_name
            """,
            user.Value);
        parameters.AddText(deviceId);
        parameters.AddText(name);
    }

    private void Delete(UserId user, string deviceId)
    {
        foreach (var table in (ReadOnlySpan<string>)["account_devices", "devices", "supplies"])
        {
            Add($"DELETE FROM {{0}}.{table} WHERE user_id = $1 AND device_id = $2", user.Value).AddText(deviceId);
        }
    }

    private void Add(DeviceListUpdated updated)
    {
        SetDevice(updated.UserId, updated.DeviceId, updated.DisplayName, updated.Keys, updated.IsDeleted);
        SetList(updated.UserId, updated.StreamId, isRemote: false);
    }

    private void Add(MasterKeySigned signed, long position)
    {
        var parameters = Add(
            """
            INSERT INTO {0}.signatures VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (signer, user_id, public_key, signing_key_id)
                DO UPDATE SET signature = excluded.signature, position = excluded.position
            """,
            signed.Signer.Value);
        parameters.AddText(signed.UserId.Value);
        parameters.AddText(signed.PublicKey);
        parameters.AddText(signed.SigningKeyId);
        parameters.AddText(signed.Signature);
        parameters.AddBigInt(position);
    }

    private void Add(IOneTimeKeyFact fact)
    {
        var parameters = Add(
            """
            INSERT INTO {0}.supplies VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (user_id, device_id) DO UPDATE SET algorithms = excluded.algorithms,
                counts = excluded.counts, fallback = excluded.fallback
            """,
            fact.UserId.Value);
        parameters.AddText(fact.DeviceId);
        parameters.AddTexts([.. fact.Supply.Counts.Select(count => count.Algorithm)]);
        parameters.AddBigInts([.. fact.Supply.Counts.Select(count => count.Count)]);
        parameters.AddTexts([.. fact.Supply.UnusedFallback]);
    }

    private void Add(IRemoteDeviceFact fact)
    {
        var user = fact.UserId;
        switch (fact)
        {
            case RemoteDeviceListFetched fetched:
                Add("DELETE FROM {0}.devices WHERE user_id = $1", user.Value);
                var parameters = Add(
                    "INSERT INTO {0}.devices SELECT $1, d.* FROM unnest($2, $3, $4) AS d ON CONFLICT DO NOTHING",
                    user.Value);
                parameters.AddTexts([.. fetched.Devices.Select(device => device.DeviceId)]);
                parameters.AddTexts([.. fetched.Devices.Select(device => device.DisplayName)]);
                parameters.AddBytes([.. fetched.Devices.Select(device => device.Keys?.Utf8.ToArray())]);
                SetSigningKeys(user, fetched.MasterKey, fetched.SelfSigningKey, null, keeps: false);
                SetList(user, fetched.StreamId, isRemote: true);
                break;
            case RemoteDeviceUpdated updated:
                SetDevice(user, updated.DeviceId, updated.DisplayName, updated.Keys, updated.IsDeleted);
                SetList(user, updated.StreamId, isRemote: true);
                break;
            case RemoteSigningKeysUpdated updated:
                SetSigningKeys(user, updated.MasterKey, updated.SelfSigningKey, null, keeps: true);
                break;
            case RemoteDeviceListOutdated:
                Add(
                    """
                    INSERT INTO {0}.lists VALUES ($1, 0, true, false)
                    ON CONFLICT (user_id) DO UPDATE SET is_current = false
                    """,
                    user.Value);
                break;
            case RemoteDeviceListForgotten:
                foreach (var table in (ReadOnlySpan<string>)["devices", "signing_keys", "lists"])
                    Add($"DELETE FROM {{0}}.{table} WHERE user_id = $1", user.Value);
                break;
        }
    }

    private void SetDevice(UserId user, string deviceId, string? name, RawJson? keys, bool isDeleted)
    {
        if (isDeleted)
        {
            Add("DELETE FROM {0}.devices WHERE user_id = $1 AND device_id = $2", user.Value).AddText(deviceId);
            return;
        }
        var parameters = Add(
            """
            INSERT INTO {0}.devices VALUES ($1, $2, $3, $4)
            ON CONFLICT (user_id, device_id)
                DO UPDATE SET display_name = excluded.display_name, keys = excluded.keys
            """,
            user.Value);
        parameters.AddText(deviceId);
        parameters.AddText(name);
        AddBytes(parameters, keys);
    }

    private void SetSigningKeys(UserId user, RawJson? master, RawJson? selfSigning, RawJson? userSigning, bool keeps)
    {
        var parameters = Add(
            keeps
                ? """
                  INSERT INTO {0}.signing_keys AS k VALUES ($1, $2, $3, $4)
                  ON CONFLICT (user_id) DO UPDATE SET master = coalesce(excluded.master, k.master),
                      self_signing = coalesce(excluded.self_signing, k.self_signing)
                  """
                : """
                  INSERT INTO {0}.signing_keys VALUES ($1, $2, $3, $4)
                  ON CONFLICT (user_id) DO UPDATE SET master = excluded.master,
                      self_signing = excluded.self_signing, user_signing = excluded.user_signing
                  """,
            user.Value);
        AddBytes(parameters, master);
        AddBytes(parameters, selfSigning);
        AddBytes(parameters, userSigning);
    }

    private void SetList(UserId user, long streamId, bool isRemote)
    {
        var parameters = Add(
            """
            INSERT INTO {0}.lists VALUES ($1, $2, $3, true)
            ON CONFLICT (user_id) DO UPDATE SET stream_id = excluded.stream_id, is_current = true
            """,
            user.Value);
        parameters.AddBigInt(streamId);
        parameters.AddBoolean(isRemote);
    }

    private void Changed(UserId user, long position, long ownPosition)
    {
        var parameters = Add(
            """
            INSERT INTO {0}.changes AS c VALUES ($1, $2, $3)
            ON CONFLICT (user_id) DO UPDATE SET position = greatest(c.position, excluded.position),
                own_position = greatest(c.own_position, excluded.own_position)
            """,
            user.Value);
        parameters.AddBigInt(position);
        parameters.AddBigInt(ownPosition);
    }

    private static void AddBytes(NpgsqlParameterCollection parameters, RawJson? json) => parameters.Add(new()
    {
        Value = json is { } value ? value.Utf8.ToArray() : DBNull.Value,
        NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Bytea,
    });

    /// <summary>A statement whose first parameter is a text.</summary>
    private NpgsqlParameterCollection Add(string sql, string first)
    {
        var parameters = commands.Add(sql.Replace("{0}", schema, StringComparison.Ordinal));
        parameters.AddText(first);
        return parameters;
    }
}
