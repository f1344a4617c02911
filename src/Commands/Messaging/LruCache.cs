using System.Diagnostics.CodeAnalysis;

namespace Matrix.EventSourced.Commands.Messaging;

/// <summary>A bounded map that forgets what was not used for longest.</summary>
/// <remarks>Cost: O(1), one short lock.</remarks>
[SuppressMessage("Naming", "CA1711", Justification = "It is a cache.")]
public sealed class LruCache<TKey, TValue>(int capacity)
    where TKey : notnull
    where TValue : class
{
    private readonly Lock _lock = new();
    private readonly Dictionary<TKey, LinkedListNode<(TKey Key, TValue Value)>> _nodes = [];
    private readonly LinkedList<(TKey Key, TValue Value)> _newestFirst = [];

    public TValue? Find(TKey key)
    {
        lock (_lock)
        {
            if (!_nodes.TryGetValue(key, out var node))
                return null;
            _newestFirst.Remove(node);
            _newestFirst.AddFirst(node);
            return node.Value.Value;
        }
    }

    public void Set(TKey key, TValue value)
    {
        lock (_lock)
        {
            if (_nodes.Remove(key, out var old))
                _newestFirst.Remove(old);
            _nodes[key] = _newestFirst.AddFirst((key, value));
            if (_nodes.Count <= capacity)
                return;
            _nodes.Remove(_newestFirst.Last!.Value.Key);
            _newestFirst.RemoveLast();
        }
    }

    public void Remove(TKey key)
    {
        lock (_lock)
        {
            if (_nodes.Remove(key, out var old))
                _newestFirst.Remove(old);
        }
    }
}
