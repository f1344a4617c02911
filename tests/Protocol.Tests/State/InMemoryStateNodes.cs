using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Protocol.Tests.State;

/// <summary>Stored state nodes, with a count of the reads; answers asynchronously, to exercise the paths that
/// wait.</summary>
internal sealed class InMemoryStateNodes : IStateNodeReader
{
    private readonly Dictionary<StateRoot, ReadOnlyMemory<byte>> _hashToBytes = [];

    public int Reads { get; private set; }

    /// <summary>How often several were asked for at once.</summary>
    public int ReadsOfMany { get; private set; }

    public int Count => _hashToBytes.Count;

    public void Store(StateMap map, StateMap earlier)
    {
        foreach (var node in map.NewNodesSince(earlier))
            _hashToBytes[node.Hash] = node.Bytes;
    }

    public async ValueTask<ReadOnlyMemory<byte>> ReadAsync(StateRoot hash)
    {
        Reads++;
        await Task.Yield();
        return _hashToBytes[hash];
    }

    public async ValueTask<IReadOnlyList<ReadOnlyMemory<byte>>> ReadManyAsync(IReadOnlyList<StateRoot> hashes)
    {
        ReadsOfMany++;
        await Task.Yield();
        return [.. hashes.Select(hash => _hashToBytes[hash])];
    }

    public void Damage(StateRoot hash)
    {
        var bytes = _hashToBytes[hash].ToArray();
        bytes[^1] ^= 1;
        _hashToBytes[hash] = bytes;
    }
}
