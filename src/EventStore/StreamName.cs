namespace Matrix.EventSourced.EventStore;

/// <summary>The name of one stream: <c>category-id</c>, as EventStoreDB's category index expects.</summary>
/// <remarks>Shape: the category holds no dash; the id may hold anything, dashes too. Never empty, never starts with
/// <c>$</c>.</remarks>
public readonly record struct StreamName
{
    public StreamName(string category, string id)
    {
        ArgumentException.ThrowIfNullOrEmpty(category);
        ArgumentException.ThrowIfNullOrEmpty(id);
        if (category.Contains('-') || category[0] == '$')
            throw new ArgumentException($"'{category}' is not a stream category.", nameof(category));
        Value = $"{category}-{id}";
    }

    private StreamName(string value) => Value = value;

    public string Value { get; }

    /// <summary>What stands before the first dash.</summary>
    public ReadOnlySpan<char> Category => Value.AsSpan(0, Value.IndexOf('-'));

    /// <summary>What stands after the first dash.</summary>
    public ReadOnlySpan<char> Id => Value.AsSpan(Value.IndexOf('-') + 1);

    /// <summary>Takes a name as an engine stored it.</summary>
    public static StreamName FromStored(string value) => new(value);

    public override string ToString() => Value;
}
