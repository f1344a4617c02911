using System.Collections.Immutable;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.KeyServer;

/// <summary>Decides what may be written to <c>devicekeys-…</c>. Pure.</summary>
public static class DeviceKeysDecider
{
    /// <summary>The keys of a device.</summary>
    /// <remarks>
    /// Requires: checked by <see cref="KeyShapes"/>. Ensures: the same keys again keep the signatures that they got
    /// meanwhile, and write nothing.
    /// Errors: M_FORBIDDEN for a device that has the name of a cross-signing key.
    /// Spec: v1.19 client-server-api #key-and-signature-security.
    /// </remarks>
    public static Decision SetKeys(
        DeviceKeysState state, UserId user, string deviceId, string? displayName, RawJson keys)
    {
        if (FindProblemOfId(state, deviceId) is { } problem)
            return problem;
        var known = state.Devices.GetValueOrDefault(deviceId);
        if (known?.Keys is { } before && KeyJson.IsSameButSignatures(before, KeyJson.Parse(keys)))
            keys = KeyJson.WithSignatures(before, user, KeyJson.SignaturesOf(KeyJson.Parse(keys), user));
        return Update(state, user, deviceId, displayName, keys);
    }

    /// <summary>A device is there, with this name.</summary>
    public static Decision SetName(DeviceKeysState state, UserId user, string deviceId, string? displayName) =>
        Update(state, user, deviceId, displayName, state.Devices.GetValueOrDefault(deviceId)?.Keys);

    /// <summary>Devices are gone, those of them that others were told of.</summary>
    public static Decision Remove(DeviceKeysState state, UserId user, IEnumerable<string> deviceIds)
    {
        var facts = ImmutableArray.CreateBuilder<IFact>();
        foreach (var deviceId in deviceIds.Distinct(StringComparer.Ordinal))
        {
            if (!state.Devices.ContainsKey(deviceId))
                continue;
            var id = state.StreamId + facts.Count;
            facts.Add(new DeviceListUpdated(user, deviceId, id + 1, Prev(id), null, null, IsDeleted: true));
        }
        return Decision.Accept(facts.ToImmutable());
    }

    /// <summary>Says something again that everybody knows: who does not know it finds a gap, and asks for
    /// all.</summary>
    public static Decision Repeat(DeviceKeysState state, UserId user)
    {
        if (state.Devices.IsEmpty)
            return Decision.Nothing;
        var (deviceId, device) = state.Devices.First();
        return Decision.Accept(new DeviceListUpdated(
            user,
            deviceId,
            state.StreamId + 1,
            Prev(state.StreamId),
            device.DisplayName,
            device.Keys,
            IsRepeated: true));
    }

    /// <summary>New signatures on a device's keys.</summary>
    public static Decision SetSigned(DeviceKeysState state, UserId user, string deviceId, RawJson keys) =>
        Update(state, user, deviceId, state.Devices[deviceId].DisplayName, keys);

    /// <summary>Why a device cannot have this id; null when it can.</summary>
    public static MatrixError? FindProblemOfId(DeviceKeysState state, string deviceId) =>
        CrossSigningKeysOf(state).Contains(deviceId)
            ? MatrixError.Forbidden("The device has the name of a cross-signing key.")
            : null;

    /// <summary>The names that no device may have.</summary>
    private static IEnumerable<string> CrossSigningKeysOf(DeviceKeysState state)
    {
        foreach (var key in (RawJson?[])[state.MasterKey, state.SelfSigningKey, state.UserSigningKey])
        {
            if (KeyJson.PublicKeyOf(key) is { } publicKey)
                yield return publicKey;
        }
    }

    private static Decision Update(
        DeviceKeysState state, UserId user, string deviceId, string? displayName, RawJson? keys)
    {
        var updated = new ListedDevice(displayName, keys);
        return state.Devices.GetValueOrDefault(deviceId) == updated
            ? Decision.Nothing
            : Decision.Accept(new DeviceListUpdated(
                user, deviceId, state.StreamId + 1, Prev(state.StreamId), displayName, keys));
    }

    private static long? Prev(long streamId) => streamId == 0 ? null : streamId;
}
