using System.Collections.Concurrent;

namespace Matrix.EventSourced.Projections.UserApi;

// HOT: asked for every request.

/// <summary>Owners of tokens that were seen lately, bounded, never stale.</summary>
/// <remarks>
/// Two generations: what is asked for moves to the young one; when that is full it becomes the old one, and the old one
/// is dropped.
/// INVARIANT: an owner that was read from the tables before its token ended is never kept after it. Each token falls
/// into one of a few
/// numbered slots; removing raises the slot's number first, and who adds compares the number from before its read with
/// the one after its write.
/// Cost: one lock-free look-up, no allocation.
/// </remarks>
public sealed class TokenCache
{
    /// <summary>LIMIT: tokens of one generation. Ours: about 20 MiB at most.</summary>
    internal const int GenerationMax = 50_000;

    private const int SlotCount = 1_024;

    private readonly long[] _slots = new long[SlotCount];
    private readonly Lock _turn = new();
    private volatile bool _isSuspended;
    private volatile Generations _generations = new(new(StringComparer.Ordinal), new(StringComparer.Ordinal));

    public TokenOwner? Find(string tokenSha256)
    {
        var generations = _generations;
        if (generations.Young.TryGetValue(tokenSha256, out var owner))
            return owner;
        var before = Slot(tokenSha256);
        if (!generations.Old.TryGetValue(tokenSha256, out owner))
            return null;
        Add(tokenSha256, owner, before);
        return owner;
    }

    /// <summary>To be taken before the tables are read, and given to <see cref="Add"/>.</summary>
    public long Slot(string tokenSha256) => Volatile.Read(ref _slots[SlotOf(tokenSha256)]);

    public void Add(string tokenSha256, TokenOwner owner, long slotBefore)
    {
        if (_isSuspended)
            return;
        var generations = _generations;
        generations.Young[tokenSha256] = owner;
        if (Slot(tokenSha256) != slotBefore)
        {
            generations.Young.TryRemove(tokenSha256, out _);
            return;
        }
        if (Interlocked.Increment(ref generations.Added) >= GenerationMax)
            Turn(generations);
    }

    public void Remove(string tokenSha256)
    {
        Interlocked.Increment(ref _slots[SlotOf(tokenSha256)]);
        var generations = _generations;
        generations.Young.TryRemove(tokenSha256, out _);
        generations.Old.TryRemove(tokenSha256, out _);
    }

    public void Clear()
    {
        for (var i = 0; i < _slots.Length; i++)
            Interlocked.Increment(ref _slots[i]);
        lock (_turn)
            _generations = new Generations(new(StringComparer.Ordinal), new(StringComparer.Ordinal));
    }

    /// <summary>Forgets everything and keeps nothing until <see cref="Resume"/>.</summary>
    public void Suspend()
    {
        _isSuspended = true;
        Clear();
    }

    public void Resume() => _isSuspended = false;

    private void Turn(Generations full)
    {
        lock (_turn)
        {
            if (ReferenceEquals(_generations, full))
                _generations = new Generations(new(StringComparer.Ordinal), full.Young);
        }
    }

    /// <summary>The text is a hash already; its first characters spread well.</summary>
    private static int SlotOf(string tokenSha256) =>
        tokenSha256.Length < 4
            ? 0
            : ((tokenSha256[0] * 31 + tokenSha256[1]) * 31 + tokenSha256[2] + tokenSha256[3] * 7) % SlotCount;

    private sealed class Generations(
        ConcurrentDictionary<string, TokenOwner> young, ConcurrentDictionary<string, TokenOwner> old)
    {
        public int Added;

        public ConcurrentDictionary<string, TokenOwner> Young => young;

        public ConcurrentDictionary<string, TokenOwner> Old => old;
    }
}
