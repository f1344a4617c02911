using System.Collections.Frozen;

namespace Matrix.EventSourced.Facts;

/// <summary>One step from an old stored name to its successor.</summary>
/// <remarks>Shape: <paramref name="Convert"/> turns the old bytes into the bytes of <paramref name="To"/>; pure, and
/// kept for good.</remarks>
internal sealed record FactUpcaster(string From, string To, Func<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> Convert);

/// <summary>Leads old stored names, step by step, to the one that is read today.</summary>
internal sealed class FactUpcasters
{
    /// <summary>The upcasters of the log schema. None yet: every fact is at its first version.</summary>
    public static readonly FactUpcasters Current = new([]);

    private readonly FrozenDictionary<string, FactUpcaster> _fromNameToStep;

    public FactUpcasters(IReadOnlyList<FactUpcaster> steps)
    {
        _fromNameToStep = steps.ToFrozenDictionary(step => step.From, StringComparer.Ordinal);
        foreach (var step in steps)
            RequireEnd(step);
    }

    /// <summary>Every old name that is still read.</summary>
    public IEnumerable<string> OldNames => _fromNameToStep.Keys.Order(StringComparer.Ordinal);

    public bool Knows(string name) => _fromNameToStep.ContainsKey(name);

    /// <summary>Follows the chain to its end; a name without an upcaster comes back as it is.</summary>
    public (string Name, ReadOnlyMemory<byte> Data) Upcast(string name, ReadOnlyMemory<byte> data)
    {
        while (_fromNameToStep.TryGetValue(name, out var step))
        {
            data = step.Convert(data);
            name = step.To;
        }
        return (name, data);
    }

    private void RequireEnd(FactUpcaster start)
    {
        var name = start.To;
        for (var steps = 0; _fromNameToStep.TryGetValue(name, out var next); steps++)
        {
            if (steps > _fromNameToStep.Count)
                throw new ArgumentException($"The upcasters from '{start.From}' go round in a circle.");
            name = next.To;
        }
    }
}
