using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Facts.KeyServer;

/// <summary>A device of a user of ours is new, gone, has another name, other keys or more signatures:
/// <c>keyserver.device_list_updated.v1</c>, stream <c>devicekeys-…</c>.</summary>
/// <remarks>
/// Shape: a snapshot of the device, never a delta. StreamId counts the updates of the user from 1, PrevId is the one
/// before it, null for the first: what other servers tell gaps by. Keys is the canonical device keys object with the
/// signatures that everybody may see, null while the device has none. IsRepeated: nothing changed but the number; it is
/// said again for servers that are new in a room of the user's.
/// Consumers: replace the device; unless it is repeated, whoever shares a room with the user has to ask for its keys
/// again.
/// </remarks>
public sealed record DeviceListUpdated(
    UserId UserId,
    string DeviceId,
    long StreamId,
    long? PrevId,
    string? DisplayName,
    RawJson? Keys,
    bool IsDeleted = false,
    bool IsRepeated = false) : IFact;

/// <summary>A user of ours has other cross-signing keys, or more signatures on them:
/// <c>keyserver.cross_signing_keys_changed.v1</c>, stream <c>devicekeys-…</c>.</summary>
/// <remarks>
/// Shape: a snapshot of all three, canonical. IsPrivate: only the user-signing key changed, which nobody but its user
/// sees. Consumers: replace all three.
/// </remarks>
public sealed record CrossSigningKeysChanged(
    UserId UserId,
    RawJson? MasterKey,
    RawJson? SelfSigningKey,
    RawJson? UserSigningKey,
    bool IsPrivate = false) : IFact;

/// <summary>A user of ours signed another user's master key: <c>keyserver.master_key_signed.v1</c>, stream
/// <c>devicekeys-…</c> of the signer.</summary>
/// <remarks>
/// Shape: PublicKey is the signed master key, unpadded base64; SigningKeyId the key that signed,
/// <c>ed25519:base64</c>. Consumers: add the signature to that key, for the signer alone.
/// </remarks>
public sealed record MasterKeySigned(
    UserId Signer, UserId UserId, string PublicKey, string SigningKeyId, string Signature) : IFact;
