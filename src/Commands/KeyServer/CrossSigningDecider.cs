using System.Text.Json;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.KeyServer;

/// <summary>Cross-signing keys as a client gives them: those that are null stay as they are.</summary>
public sealed record CrossSigningUpload(RawJson? MasterKey, RawJson? SelfSigningKey, RawJson? UserSigningKey)
{
    public bool IsEmpty => MasterKey is null && SelfSigningKey is null && UserSigningKey is null;
}

/// <summary>Decides about cross-signing keys, and signatures with them. Pure.</summary>
/// <remarks>Spec: v1.19 client-server-api #cross-signing.</remarks>
public static class CrossSigningDecider
{
    private static readonly MatrixError KeyIdInUse = MatrixError.Forbidden("Key ID in use");

    /// <summary>Whether the upload has to be authenticated: it may set the first keys, and the same again.</summary>
    /// <remarks>Spec: v1.19 client-server-api #post_matrixclientv3keysdevice_signingupload.</remarks>
    public static bool NeedsAuthentication(DeviceKeysState state, CrossSigningUpload upload) =>
        state.MasterKey is not null && !HasNoNewKey(state, upload);

    /// <summary>New keys, checked against each other.</summary>
    /// <remarks>
    /// Requires: checked by <see cref="KeyShapes"/>, and authenticated where that is needed.
    /// Ensures: keys that the master key did not sign are gone with its predecessor; signatures of others are left
    /// out.
    /// Errors: M_MISSING_PARAM without any master key, M_INVALID_SIGNATURE, M_FORBIDDEN for the name of a device.
    /// </remarks>
    public static Decision Set(DeviceKeysState state, UserId user, CrossSigningUpload upload)
    {
        if (upload.IsEmpty)
            return Decision.Nothing;
        var isSame = state.MasterKey is not null && HasNoNewKey(state, upload);
        if (isSame)
            return Decision.Nothing;
        if ((upload.MasterKey ?? state.MasterKey) is not { } master)
            return MatrixError.MissingParam("No master signing key is available.");
        var masterKey = KeyJson.PublicKeyOf(master)!;
        foreach (var key in (RawJson?[])[upload.SelfSigningKey, upload.UserSigningKey])
        {
            if (key is { } signed && !KeyJson.IsSignedBy(KeyJson.Parse(signed), user, masterKey))
                return InvalidSignature("The key is not signed by the master key.");
        }
        foreach (var key in (RawJson?[])[upload.MasterKey, upload.SelfSigningKey, upload.UserSigningKey])
        {
            if (KeyJson.PublicKeyOf(key) is { } publicKey && state.Devices.ContainsKey(publicKey))
                return KeyIdInUse;
        }
        if (KeyJson.PublicKeyOf(state.MasterKey) == masterKey)
            master = state.MasterKey!.Value;
        var next = new CrossSigningKeysChanged(
            user,
            OwnSignaturesOnly(master, user),
            Next(upload.SelfSigningKey, state.SelfSigningKey),
            Next(upload.UserSigningKey, state.UserSigningKey));
        var isPrivate = next.MasterKey == state.MasterKey && next.SelfSigningKey == state.SelfSigningKey;
        return isPrivate && next.UserSigningKey == state.UserSigningKey
            ? Decision.Nothing
            : Decision.Accept(next with { IsPrivate = isPrivate });

        RawJson? Next(RawJson? uploaded, RawJson? before) =>
            uploaded is { } key ? OwnSignaturesOnly(key, user)
            : before is { } kept && KeyJson.IsSignedBy(KeyJson.Parse(kept), user, masterKey) ? kept
            : null;
    }

    /// <summary>Signatures on a key of the user's own: a device, or the master key.</summary>
    /// <remarks>
    /// Spec: v1.19 client-server-api #post_matrixclientv3keyssignaturesupload.
    /// Errors: M_NOT_FOUND, M_INVALID_SIGNATURE; M_INVALID_PARAM where the object is not the key that is known.
    /// </remarks>
    public static Decision SignOwn(DeviceKeysState state, UserId user, string keyId, JsonElement signed)
    {
        if (state.Devices.TryGetValue(keyId, out var device) && device.Keys is { } keys)
            return SignDevice(state, user, keyId, keys, signed);
        if (state.MasterKey is { } master && KeyJson.PublicKeyOf(master) == keyId)
            return SignMaster(state, user, master, signed);
        return MatrixError.NotFound("There is no such key.");
    }

    /// <summary>A signature of the user's user-signing key on another user's master key.</summary>
    /// <param name="state">The signer's.</param>
    /// <param name="signer">Who signs.</param>
    /// <param name="user">Whose key it is.</param>
    /// <param name="master">That key, as it is known; null where it is not.</param>
    /// <param name="keyId">What the signer calls it.</param>
    /// <param name="signed">What the signer signed.</param>
    public static Decision SignOther(
        DeviceKeysState state, UserId signer, UserId user, RawJson? master, string keyId, JsonElement signed)
    {
        if (master is not { } known || KeyJson.PublicKeyOf(known) is not { } publicKey || publicKey != keyId)
            return MatrixError.NotFound("The user has no such master key.");
        if (KeyJson.PublicKeyOf(state.UserSigningKey) is not { } userSigningKey)
            return MatrixError.NotFound("You have no user-signing key.");
        if (!KeyJson.IsSameButSignatures(known, signed))
            return Mismatch;
        var signingKeyId = KeyJson.KeyIdOf(userSigningKey);
        foreach (var (id, signature) in KeyJson.SignaturesOf(signed, signer))
        {
            if (id != signingKeyId)
                continue;
            if (!KeyJson.Verifies(signed, signature, userSigningKey))
                break;
            return state.Signed.GetValueOrDefault((user, publicKey, signingKeyId)) == signature
                ? Decision.Nothing
                : Decision.Accept(new MasterKeySigned(signer, user, publicKey, signingKeyId, signature));
        }
        return InvalidSignature("Your user-signing key did not sign it.");
    }

    public static MatrixError InvalidSignature(string message) => new(400, ErrCodes.InvalidSignature, message);

    private static MatrixError Mismatch => MatrixError.InvalidParam("It is not the key that is known.");

    private static Decision SignDevice(
        DeviceKeysState state, UserId user, string deviceId, RawJson keys, JsonElement signed)
    {
        if (KeyJson.PublicKeyOf(state.SelfSigningKey) is not { } selfSigningKey)
            return MatrixError.NotFound("You have no self-signing key.");
        if (!KeyJson.IsSameButSignatures(keys, signed))
            return Mismatch;
        var keyId = KeyJson.KeyIdOf(selfSigningKey);
        var made = KeyJson.SignaturesOf(signed, user).FindAll(one => one.KeyId == keyId);
        if (made.Count == 0 || !KeyJson.Verifies(signed, made[0].Signature, selfSigningKey))
            return InvalidSignature("Your self-signing key did not sign it.");
        return DeviceKeysDecider.SetSigned(state, user, deviceId, KeyJson.WithSignatures(keys, user, made));
    }

    private static Decision SignMaster(DeviceKeysState state, UserId user, RawJson master, JsonElement signed)
    {
        if (!KeyJson.IsSameButSignatures(master, signed))
            return Mismatch;
        var made = new List<(string KeyId, string Signature)>();
        foreach (var (keyId, signature) in KeyJson.SignaturesOf(signed, user))
        {
            var deviceId = keyId[(keyId.IndexOf(':', StringComparison.Ordinal) + 1)..];
            if (keyId != KeyJson.KeyIdOf(deviceId)
                || state.Devices.GetValueOrDefault(deviceId)?.Keys is not { } keys)
                continue;
            if (KeyJson.SigningKeyOf(keys, deviceId) is not { } publicKey
                || !KeyJson.Verifies(signed, signature, publicKey))
                return InvalidSignature("A device's signature does not hold.");
            made.Add((keyId, signature));
        }
        if (made.Count == 0)
            return InvalidSignature("None of your devices signed it.");
        var next = KeyJson.WithSignatures(master, user, made);
        return next == master
            ? Decision.Nothing
            : Decision.Accept(new CrossSigningKeysChanged(user, next, state.SelfSigningKey, state.UserSigningKey));
    }

    private static bool HasNoNewKey(DeviceKeysState state, CrossSigningUpload upload) =>
        upload.MasterKey is not null
        && IsSame(upload.MasterKey, state.MasterKey)
        && (upload.SelfSigningKey is null || IsSame(upload.SelfSigningKey, state.SelfSigningKey))
        && (upload.UserSigningKey is null || IsSame(upload.UserSigningKey, state.UserSigningKey));

    private static bool IsSame(RawJson? one, RawJson? other) =>
        KeyJson.PublicKeyOf(one) is { } key && key == KeyJson.PublicKeyOf(other);

    private static RawJson OwnSignaturesOnly(RawJson key, UserId user) =>
        KeyJson.WithSignaturesOfOnly(KeyJson.Parse(key), user);
}
