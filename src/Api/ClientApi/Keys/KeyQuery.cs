using System.Text.Json;
using Matrix.EventSourced.Commands.KeyServer;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Federation.KeyServer;
using Matrix.EventSourced.Projections.FedSender;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.KeyServer;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Api.ClientApi.Keys;

/// <summary>Keys of users, as one of them may see them, or another server.</summary>
internal sealed record ShownKeys(
    IReadOnlyList<ShownDevice> Devices, RawJson? MasterKey, RawJson? SelfSigningKey, RawJson? UserSigningKey);

internal sealed record ShownDevice(string DeviceId, string? DisplayName, RawJson Keys);

/// <summary>What a query for keys found, and which servers did not answer.</summary>
internal sealed record KeyAnswer(
    IReadOnlyDictionary<UserId, ShownKeys> Users, IReadOnlyCollection<ServerName> Failures);

/// <summary>Finds keys of users: in the tables, or where their servers are.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #post_matrixclientv3keysquery, #key-and-signature-security.
/// Ensures: a user-signing key, and the signatures that it made, are shown to their user alone.
/// Cost: one round trip; a second one where users of other servers are asked about.
/// </remarks>
internal sealed class KeyQuery(
    KeyServerReader reader, RemoteKeys remote, RemoteDeviceLists lists, IProjectionGate gate, ServerIdentity us)
{
    private static readonly ReadOnlyMemory<string> Local = KeyServerProjection.Gate;

    private static readonly ReadOnlyMemory<string> WithRooms =
        new[] { KeyServerProjection.ProjectionName, FedSenderProjection.ProjectionName };

    /// <param name="users">Whom to ask about.</param>
    /// <param name="viewer">Who looks; null for a server.</param>
    /// <param name="timeout">How long other servers may take.</param>
    /// <param name="cancellationToken">Nobody wants the answer any more.</param>
    public async ValueTask<KeyAnswer> FindAsync(
        IReadOnlyCollection<UserId> users, UserId? viewer, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var others = users.Where(user => !user.IsOn(us.Name)).ToList();
        await gate.WaitForHeadAsync(others.Count == 0 ? Local : WithRooms, cancellationToken);
        if (others.Count > 0 && !lists.IsSettled)
        {
            await lists.SettledAsync(cancellationToken);
            await gate.WaitForHeadAsync(Local, cancellationToken);
        }
        var stored = await reader.ReadKeysAsync(
            [.. users.Select(user => user.Value)], viewer?.Value, cancellationToken);
        var sharing = await reader.SharingAsync(
            [.. others.Select(user => user.Value)], us.Name, cancellationToken);

        var found = new SortedDictionary<UserId, ShownKeys>();
        var unknown = new Dictionary<UserId, bool>();
        foreach (var user in users)
        {
            var isShared = sharing.Contains(user.Value);
            var isHere = user.IsOn(us.Name)
                ? stored.Accounts.Contains(user.Value)
                : isShared && stored.Tracked.Contains(user.Value);
            if (isHere)
                found[user] = Show(stored, user, viewer);
            else if (!user.IsOn(us.Name))
                unknown[user] = isShared;
        }
        if (unknown.Count == 0)
            return new(found, []);
        var answer = await remote.QueryAsync(unknown, timeout, cancellationToken);
        foreach (var (user, keys) in answer.Found)
        {
            found[user] = new(
                [
                    .. keys.Devices.Where(device => device.Keys is not null)
                        .Select(device => new ShownDevice(device.DeviceId, device.DisplayName, device.Keys!.Value)),
                ],
                Signed(stored, user, keys.MasterKey, viewer),
                keys.SelfSigningKey,
                null);
        }
        return new(found, answer.Failures);
    }

    /// <summary>Writes <c>device_keys</c> and the cross-signing keys.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="answer">What was found.</param>
    /// <param name="devicesOf">Which devices of a user were asked for; null for all.</param>
    public static void Write(Utf8JsonWriter json, KeyAnswer answer, Func<UserId, IReadOnlySet<string>?> devicesOf)
    {
        json.WriteStartObject("device_keys"u8);
        foreach (var (user, keys) in answer.Users)
        {
            var asked = devicesOf(user);
            json.WriteStartObject(user.Value);
            foreach (var device in keys.Devices)
            {
                if (asked is not null && !asked.Contains(device.DeviceId))
                    continue;
                json.WritePropertyName(device.DeviceId);
                Write(json, device);
            }
            json.WriteEndObject();
        }
        json.WriteEndObject();
        WriteKeys(json, "master_keys"u8, answer, static keys => keys.MasterKey);
        WriteKeys(json, "self_signing_keys"u8, answer, static keys => keys.SelfSigningKey);
    }

    public static void WriteUserSigningKeys(Utf8JsonWriter json, KeyAnswer answer) =>
        WriteKeys(json, "user_signing_keys"u8, answer, static keys => keys.UserSigningKey);

    /// <summary>Shows what is stored of a user.</summary>
    public static ShownKeys Show(StoredKeys stored, UserId user, UserId? viewer)
    {
        var signing = stored.SigningKeys.GetValueOrDefault(user.Value);
        var devices = new List<ShownDevice>();
        foreach (var device in stored.Devices.GetValueOrDefault(user.Value) ?? [])
        {
            if (device.KeysUtf8 is { } keys)
                devices.Add(new(device.DeviceId, device.DisplayName, new RawJson(keys)));
        }
        return new(
            devices,
            Signed(stored, user, Raw(signing?.MasterUtf8), viewer),
            Raw(signing?.SelfSigningUtf8),
            user == viewer ? Raw(signing?.UserSigningUtf8) : null);
    }

    private static RawJson? Signed(StoredKeys stored, UserId user, RawJson? master, UserId? viewer)
    {
        if (master is not { } key || viewer is not { } signer)
            return master;
        var publicKey = KeyJson.PublicKeyOf(master);
        var made = stored.Signatures
            .Where(one => one.UserId == user.Value && one.PublicKey == publicKey)
            .Select(one => (one.SigningKeyId, one.Signature))
            .ToList();
        return made.Count == 0 ? master : KeyJson.WithSignatures(key, signer, made);
    }

    private static void Write(Utf8JsonWriter json, ShownDevice device)
    {
        json.WriteStartObject();
        foreach (var member in KeyJson.Parse(device.Keys).EnumerateObject())
            member.WriteTo(json);
        json.WriteStartObject("unsigned"u8);
        if (device.DisplayName is { } name)
            json.WriteString("device_display_name"u8, name);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteKeys(
        Utf8JsonWriter json, ReadOnlySpan<byte> name, KeyAnswer answer, Func<ShownKeys, RawJson?> pick)
    {
        json.WriteStartObject(name);
        foreach (var (user, keys) in answer.Users)
        {
            if (pick(keys) is not { } key)
                continue;
            json.WritePropertyName(user.Value);
            json.WriteRawValue(key.Utf8.Span, skipInputValidation: true);
        }
        json.WriteEndObject();
    }

    private static RawJson? Raw(ReadOnlyMemory<byte>? utf8) => utf8 is { } bytes ? new RawJson(bytes) : null;
}
