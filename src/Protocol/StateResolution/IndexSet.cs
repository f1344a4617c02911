// HOT
using System.Numerics;

namespace Matrix.EventSourced.Protocol.StateResolution;

/// <summary>A set of the dense indices of an <see cref="AuthGraph"/>: one bit each.</summary>
internal sealed class IndexSet
{
    private ulong[] _words;

    public IndexSet(int capacity = 0) => _words = new ulong[(capacity + 63) >> 6];

    public int Count
    {
        get
        {
            var count = 0;
            foreach (var word in _words)
                count += BitOperations.PopCount(word);
            return count;
        }
    }

    public void Add(int index)
    {
        if (index >> 6 >= _words.Length)
            Array.Resize(ref _words, Math.Max((index >> 6) + 1, _words.Length * 2));
        _words[index >> 6] |= 1UL << (index & 63);
    }

    public bool Contains(int index) => index >> 6 < _words.Length && (_words[index >> 6] & (1UL << (index & 63))) != 0;

    public void Remove(int index)
    {
        if (index >> 6 < _words.Length)
            _words[index >> 6] &= ~(1UL << (index & 63));
    }

    public void UnionWith(IndexSet other)
    {
        if (other._words.Length > _words.Length)
            Array.Resize(ref _words, other._words.Length);
        for (var word = 0; word < other._words.Length; word++)
            _words[word] |= other._words[word];
    }

    public void IntersectWith(IndexSet other)
    {
        for (var word = 0; word < _words.Length; word++)
            _words[word] &= word < other._words.Length ? other._words[word] : 0;
    }

    public void ExceptWith(IndexSet other)
    {
        for (var word = 0; word < Math.Min(_words.Length, other._words.Length); word++)
            _words[word] &= ~other._words[word];
    }

    public IndexSet Copy()
    {
        var copy = new IndexSet();
        copy.UnionWith(this);
        return copy;
    }

    /// <summary>The largest index of the set that is smaller than <paramref name="bound"/>, or -1. Sees what was added
    /// since.</summary>
    public int LargestBelow(int bound)
    {
        if (bound <= 0)
            return -1;
        var word = Math.Min((bound - 1) >> 6, _words.Length - 1);
        if (word < 0)
            return -1;
        var bits = _words[word];
        if (word == (bound - 1) >> 6)
            bits &= ulong.MaxValue >> (63 - ((bound - 1) & 63));
        while (bits == 0)
        {
            if (--word < 0)
                return -1;
            bits = _words[word];
        }
        return (word << 6) + 63 - BitOperations.LeadingZeroCount(bits);
    }

    /// <summary>The members in ascending order.</summary>
    public List<int> ToList()
    {
        var members = new List<int>(Count);
        for (var word = 0; word < _words.Length; word++)
        {
            for (var bits = _words[word]; bits != 0; bits &= bits - 1)
                members.Add((word << 6) + BitOperations.TrailingZeroCount(bits));
        }
        return members;
    }
}
