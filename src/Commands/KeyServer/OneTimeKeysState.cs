using System.Collections.Immutable;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.KeyServer;

namespace Matrix.EventSourced.Commands.KeyServer;

/// <summary>What the stream <c>onetimekeys-…</c> says: the keys that a device has to give out.</summary>
/// <remarks>Shape: Keys in the order in which they are given out; Fallback by algorithm; Records, those since
/// everything was written as a whole.</remarks>
public sealed record OneTimeKeysState : IAggregateState<OneTimeKeysState>
{
    public static OneTimeKeysState Initial { get; } = new();

    public static bool LastRecordOnly => false;

    public ImmutableList<OneTimeKey> Keys { get; private init; } = [];

    public ImmutableSortedDictionary<string, FallbackKey> Fallback { get; private init; } =
        ImmutableSortedDictionary.Create<string, FallbackKey>(StringComparer.Ordinal);

    public int Records { get; private init; }

    public bool IsEmpty => Keys.IsEmpty && Fallback.IsEmpty;

    public OneTimeKeysState Evolve(IFact fact) => fact switch
    {
        OneTimeKeysAdded added => this with { Keys = Keys.AddRange(added.Keys), Records = Records + 1 },
        OneTimeKeyClaimed claimed => this with
        {
            Keys = Keys.RemoveAll(key => key.KeyId == claimed.KeyId),
            Records = Records + 1,
        },
        FallbackKeysSet set => this with
        {
            Fallback = Fallback.SetItems(set.Keys.Select(key => KeyValuePair.Create(
                KeyJson.AlgorithmOf(key.KeyId), new FallbackKey(key.KeyId, key.Key, IsUsed: false)))),
            Records = Records + 1,
        },
        FallbackKeyUsed used when Fallback.TryGetValue(KeyJson.AlgorithmOf(used.KeyId), out var key)
            && key.KeyId == used.KeyId => this with
        {
            Fallback = Fallback.SetItem(KeyJson.AlgorithmOf(used.KeyId), key with { IsUsed = true }),
            Records = Records + 1,
        },
        OneTimeKeysKept kept => this with
        {
            Keys = [.. kept.Keys],
            Fallback = Initial.Fallback.SetItems(kept.Fallback.Select(
                key => KeyValuePair.Create(KeyJson.AlgorithmOf(key.KeyId), key))),
            Records = 1,
        },
        _ => this,
    };

    /// <summary>What is left.</summary>
    public KeySupply Supply => new(
        [
            .. Keys.GroupBy(key => KeyJson.AlgorithmOf(key.KeyId), StringComparer.Ordinal)
                .OrderBy(group => group.Key, StringComparer.Ordinal)
                .Select(group => new KeyCount(group.Key, group.Count())),
        ],
        [.. Fallback.Where(key => !key.Value.IsUsed).Select(key => key.Key)]);
}
