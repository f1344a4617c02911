namespace Matrix.EventSourced.EventStore;

/// <summary>The name of one stream: <c>category-id</c>, as EventStoreDB's category index expects.</summary>
/// <remarks>Shape: the category holds no dash; the id may hold anything, dashes too. Never empty, never starts with
/// <c>$</c>. Other writers' names come through <see cref="FromStored"/> and may be anything: they may have no dash,
/// and those that begin with <c>$</c> are the system's.</remarks>
public readonly record struct StreamName
{
    private const string MetadataPrefix = "$$";

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

    /// <summary>What stands before the first dash; the whole name where there is none.</summary>
    public ReadOnlySpan<char> Category => Value.Contains('-') ? Value.AsSpan(0, Value.IndexOf('-')) : Value;

    /// <summary>What stands after the first dash; nothing where there is none.</summary>
    public ReadOnlySpan<char> Id => Value.Contains('-') ? Value.AsSpan(Value.IndexOf('-') + 1) : [];

    /// <summary>Whether it belongs to the log itself and not to who appends to it.</summary>
    public bool IsSystem => Value.StartsWith('$');

    /// <summary>Whether its records are the metadata of another stream.</summary>
    public bool IsMetadata => Value.StartsWith(MetadataPrefix, StringComparison.Ordinal);

    /// <summary>The stream that holds this one's metadata.</summary>
    public StreamName Metadata => new(MetadataPrefix + Value);

    /// <summary>The stream whose metadata this one holds. Requires: <see cref="IsMetadata"/>.</summary>
    public StreamName Described => new(Value[MetadataPrefix.Length..]);

    /// <summary>Takes a name as an engine stored it.</summary>
    public static StreamName FromStored(string value) => new(value);

    public override string ToString() => Value;
}
