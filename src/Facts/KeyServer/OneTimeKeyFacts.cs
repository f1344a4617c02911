using System.Collections.Immutable;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Facts.KeyServer;

/// <summary>A fact of the stream <c>onetimekeys-…</c> of one device, which is cut off before its last
/// <see cref="OneTimeKeysKept"/>.</summary>
/// <remarks>Consumers: the supply says what is left after the fact; the keys themselves are the writer's
/// business.</remarks>
public interface IOneTimeKeyFact : IFact
{
    UserId UserId { get; }

    string DeviceId { get; }

    KeySupply Supply { get; }
}

/// <summary>What a device has left to give out. Shape: Counts by algorithm, none that is zero, ordered; UnusedFallback,
/// the algorithms of fallback keys that were never given out, ordered.</summary>
public sealed record KeySupply(ImmutableArray<KeyCount> Counts, ImmutableArray<string> UnusedFallback);

/// <summary>One-time keys of one algorithm.</summary>
public sealed record KeyCount(string Algorithm, long Count);

/// <summary>A key as it was uploaded. Shape: KeyId is <c>algorithm:id</c>; Key is canonical JSON, an object or a
/// string.</summary>
public sealed record OneTimeKey(string KeyId, RawJson Key);

/// <summary>A fallback key. IsUsed: it was given out at least once.</summary>
public sealed record FallbackKey(string KeyId, RawJson Key, bool IsUsed);

/// <summary>A device uploaded one-time keys: <c>keyserver.one_time_keys_added.v1</c>.</summary>
/// <remarks>Shape: only keys that were not there, given out in this order.</remarks>
public sealed record OneTimeKeysAdded(
    UserId UserId, string DeviceId, ImmutableArray<OneTimeKey> Keys, KeySupply Supply) : IOneTimeKeyFact;

/// <summary>A one-time key was given out, for good: <c>keyserver.one_time_key_claimed.v1</c>.</summary>
public sealed record OneTimeKeyClaimed(
    UserId UserId, string DeviceId, string KeyId, KeySupply Supply) : IOneTimeKeyFact;

/// <summary>A device uploaded fallback keys: <c>keyserver.fallback_keys_set.v1</c>.</summary>
/// <remarks>Shape: each replaces the one of its algorithm.</remarks>
public sealed record FallbackKeysSet(
    UserId UserId, string DeviceId, ImmutableArray<OneTimeKey> Keys, KeySupply Supply) : IOneTimeKeyFact;

/// <summary>A fallback key was given out for the first time: <c>keyserver.fallback_key_used.v1</c>.</summary>
public sealed record FallbackKeyUsed(
    UserId UserId, string DeviceId, string KeyId, KeySupply Supply) : IOneTimeKeyFact;

/// <summary>All keys that a device has: <c>keyserver.one_time_keys_kept.v1</c>.</summary>
/// <remarks>What stands before it in the stream is cut off. A device that is gone keeps none.</remarks>
public sealed record OneTimeKeysKept(
    UserId UserId,
    string DeviceId,
    ImmutableArray<OneTimeKey> Keys,
    ImmutableArray<FallbackKey> Fallback,
    KeySupply Supply) : IOneTimeKeyFact;
