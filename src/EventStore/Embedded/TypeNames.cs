using System.Collections.Concurrent;

namespace Matrix.EventSourced.EventStore.Embedded;

/// <summary>The names of the record types, once each, for all readers. There are as many as the log schema has
/// facts.</summary>
internal sealed class TypeNames
{
    private readonly ConcurrentDictionary<long, string> _idToName = new();

    public string? Find(long id) => _idToName.GetValueOrDefault(id);

    public string Add(long id, string name) => _idToName.GetOrAdd(id, name);
}
