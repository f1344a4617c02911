using System.Collections.Immutable;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.KeyServer;

/// <summary>Decides what may be written to <c>onetimekeys-…</c>. Pure.</summary>
/// <remarks>Spec: v1.19 client-server-api #one-time-and-fallback-keys.</remarks>
public static class OneTimeKeysDecider
{
    /// <summary>Takes keys in. What is there already is not there twice.</summary>
    /// <remarks>
    /// Requires: checked by <see cref="KeyShapes"/>. Ensures: all or nothing.
    /// Errors: M_UNKNOWN for another key with the id of one that is there; M_INVALID_PARAM for too many, and for two
    /// fallback keys of one algorithm.
    /// </remarks>
    public static Decision Upload(
        OneTimeKeysState state,
        UserId user,
        string deviceId,
        IReadOnlyList<OneTimeKey> keys,
        IReadOnlyList<OneTimeKey> fallback)
    {
        var known = state.Keys.ToDictionary(key => key.KeyId, StringComparer.Ordinal);
        var added = ImmutableArray.CreateBuilder<OneTimeKey>();
        foreach (var key in keys)
        {
            if (!known.TryGetValue(key.KeyId, out var before))
                added.Add(key);
            else if (before.Key != key.Key)
                // Clients know this sentence.
                return new MatrixError(
                    400,
                    ErrCodes.Unknown,
                    $"One time key {key.KeyId} already exists. Old key: {before.Key}; new key: {key.Key}");
        }
        if (state.Keys.Count + added.Count > Limits.OneTimeKeysPerDeviceMax)
            return MatrixError.InvalidParam(
                $"A device may have at most {Limits.OneTimeKeysPerDeviceMax} one-time keys.");
        var algorithms = fallback.Select(key => KeyJson.AlgorithmOf(key.KeyId)).ToHashSet(StringComparer.Ordinal);
        if (algorithms.Count < fallback.Count)
            return MatrixError.InvalidParam("There can be one fallback key of an algorithm.");
        if (state.Fallback.Keys.Union(algorithms).Count() > Limits.FallbackKeysPerDeviceMax)
            return MatrixError.InvalidParam(
                $"A device may have fallback keys of at most {Limits.FallbackKeysPerDeviceMax} algorithms.");

        var facts = ImmutableArray.CreateBuilder<IFact>();
        if (added.Count > 0)
        {
            var fact = new OneTimeKeysAdded(user, deviceId, added.ToImmutable(), state.Supply);
            state = state.Evolve(fact);
            facts.Add(fact with { Supply = state.Supply });
        }
        var changed = fallback.Where(key => !IsSame(state, key)).ToImmutableArray();
        if (!changed.IsEmpty)
        {
            var fact = new FallbackKeysSet(user, deviceId, changed, state.Supply);
            state = state.Evolve(fact);
            facts.Add(fact with { Supply = state.Supply });
        }
        return Decision.Accept(facts.ToImmutable());
    }

    /// <summary>Gives out a key of an algorithm: the oldest one-time key, or the fallback key once there is
    /// none.</summary>
    /// <remarks>Ensures: a one-time key comes with the fact that it is gone; a fallback key with one when it is the
    /// first time. Null where there is no key.</remarks>
    public static (Decision Decision, OneTimeKey? Key) Claim(
        OneTimeKeysState state, UserId user, string deviceId, string algorithm)
    {
        var prefix = algorithm + ":";
        if (state.Keys.Find(key => key.KeyId.StartsWith(prefix, StringComparison.Ordinal)) is { } oldest)
        {
            var fact = new OneTimeKeyClaimed(user, deviceId, oldest.KeyId, state.Supply);
            var after = state.Evolve(fact);
            fact = fact with { Supply = after.Supply };
            return (after.Records < Limits.OneTimeKeyRecordsMax
                ? Decision.Accept(fact)
                : Decision.Accept(fact, Keep(after, user, deviceId)), oldest);
        }
        if (!state.Fallback.TryGetValue(algorithm, out var fallback))
            return (Decision.Nothing, null);
        var given = new OneTimeKey(fallback.KeyId, fallback.Key);
        if (fallback.IsUsed)
            return (Decision.Nothing, given);
        var used = new FallbackKeyUsed(user, deviceId, fallback.KeyId, state.Supply);
        return (Decision.Accept(used with { Supply = state.Evolve(used).Supply }), given);
    }

    /// <summary>The device is gone: so are its keys.</summary>
    public static Decision Clear(OneTimeKeysState state, UserId user, string deviceId) =>
        state.IsEmpty ? Decision.Nothing : Decision.Accept(Keep(OneTimeKeysState.Initial, user, deviceId));

    private static OneTimeKeysKept Keep(OneTimeKeysState state, UserId user, string deviceId) =>
        new(user, deviceId, [.. state.Keys], [.. state.Fallback.Values], state.Supply);

    /// <summary>The same key again is not a new one: it does not count as unused.</summary>
    private static bool IsSame(OneTimeKeysState state, OneTimeKey key) =>
        state.Fallback.TryGetValue(KeyJson.AlgorithmOf(key.KeyId), out var before)
        && before.KeyId == key.KeyId && before.Key == key.Key;
}
