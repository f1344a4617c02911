using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text.Json;
using Matrix.EventSourced.Commands.EduServer;
using Matrix.EventSourced.Commands.KeyServer;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;

namespace Matrix.EventSourced.Federation.KeyServer;

/// <summary>What another server says of one of its users.</summary>
public sealed record RemoteUserKeys(
    ImmutableArray<RemoteDevice> Devices, RawJson? MasterKey, RawJson? SelfSigningKey);

/// <summary>Reads keys that other servers send.</summary>
/// <remarks>What is malformed or not about the user is left out, and signatures of anybody but the user: they are not
/// for others to see. What is read is canonical.</remarks>
internal static class RemoteKeyReading
{
    /// <summary>An answer of <c>/user/devices</c>; null where it is none.</summary>
    public static RemoteDeviceListFetched? List(JsonElement json, UserId user)
    {
        if (ReceivedJson.Text(json, "user_id") is { } named && named != user.Value)
            return null;
        if (StreamId(json, "stream_id") is not { } streamId
            || !json.TryGetProperty("devices"u8, out var devices) || devices.ValueKind != JsonValueKind.Array)
            return null;
        var found = new Dictionary<string, RemoteDevice>(StringComparer.Ordinal);
        foreach (var device in devices.EnumerateArray().Take(KeyServerLimits.DevicesPerUserMax))
        {
            if (ReceivedJson.Text(device, "device_id") is { } deviceId && ToDeviceRules.IsIdentifier(deviceId))
            {
                found[deviceId] = new(
                    deviceId, DisplayName(device, "device_display_name"), Keys(device, "keys", user, deviceId));
            }
        }
        return new RemoteDeviceListFetched(
            user,
            streamId,
            [.. found.Values.OrderBy(device => device.DeviceId, StringComparer.Ordinal)],
            SigningKey(json, "master_key", user, "master"u8),
            SigningKey(json, "self_signing_key", user, "self_signing"u8),
            IsNews: false);
    }

    /// <summary>What an answer of <c>/user/keys/query</c> says of a user.</summary>
    public static RemoteUserKeys Query(JsonElement json, UserId user)
    {
        var found = ImmutableArray.CreateBuilder<RemoteDevice>();
        if (Of(json, "device_keys", user) is { ValueKind: JsonValueKind.Object } devices)
        {
            foreach (var device in devices.EnumerateObject().Take(KeyServerLimits.DevicesPerUserMax))
            {
                if (Keys(devices, device.Name, user, device.Name) is not { } keys)
                    continue;
                var name = device.Value.TryGetProperty("unsigned"u8, out var unsigned)
                    ? DisplayName(unsigned, "device_display_name")
                    : null;
                found.Add(new(device.Name, name, keys));
            }
        }
        return new(
            found.ToImmutable(),
            Of(json, "master_keys", user) is { } master ? SigningKey(master, user, "master"u8) : null,
            Of(json, "self_signing_keys", user) is { } own ? SigningKey(own, user, "self_signing"u8) : null);
    }

    /// <summary>The keys of a device as a member of an object.</summary>
    public static RawJson? Keys(JsonElement json, string member, UserId user, string deviceId) =>
        ToDeviceRules.IsIdentifier(deviceId)
        && json.TryGetProperty(member, out var keys)
        && IsCanonical(keys)
        && KeyShapes.FindProblem(keys, user, deviceId) is null
            ? KeyJson.WithSignaturesOfOnly(keys, user)
            : null;

    public static RawJson? SigningKey(JsonElement json, string member, UserId user, ReadOnlySpan<byte> usage) =>
        json.TryGetProperty(member, out var key) ? SigningKey(key, user, usage) : null;

    public static string? DisplayName(JsonElement json, string member) =>
        ReceivedJson.Text(json, member) is { Length: <= KeyServerLimits.DisplayNameCharsMax } name ? name : null;

    public static long? StreamId(JsonElement json, string member) =>
        ReceivedJson.Number(json, member) is >= 0 and <= Limits.CanonicalIntegerMax and var id ? id : null;

    /// <summary>The member of a user in a map by user.</summary>
    public static JsonElement? Of(JsonElement json, string map, UserId user) =>
        json.TryGetProperty(map, out var users) && users.ValueKind == JsonValueKind.Object
        && users.TryGetProperty(user.Value, out var found)
            ? found
            : null;

    public static bool IsCanonical(JsonElement json) =>
        CanonicalJson.TryCanonicalise(JsonMarshal.GetRawUtf8Value(json), out _, out _);

    private static RawJson? SigningKey(JsonElement key, UserId user, ReadOnlySpan<byte> usage) =>
        key.ValueKind == JsonValueKind.Object && IsCanonical(key)
        && KeyShapes.FindProblem(key, user, usage) is null
            ? KeyJson.WithSignaturesOfOnly(key, user)
            : null;
}
