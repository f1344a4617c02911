namespace Matrix.EventSourced.Api.Configuration;

/// <summary>One key that can be set in the file, the environment and on the command line.</summary>
/// <remarks>
/// Shape: Name is <c>section.key</c> or <c>key</c>, lower case with underscores. Default is what a user would write
/// (empty: not set); a list is separated by commas outside the file. Set returns the configuration with the value in
/// it, or what is wrong with the value.
/// </remarks>
internal sealed record ConfigKey(
    string Name,
    string Allowed,
    string Default,
    string Help,
    Func<HomeserverConfig, ConfigText, ConfigStep> Set)
{
    public bool IsList { get; init; }

    /// <summary>Never shown in what is printed.</summary>
    public bool IsSecret { get; init; }

    /// <summary><c>--client-listen</c>.</summary>
    public string Flag => "--" + Name.Replace('.', '-').Replace('_', '-');

    /// <summary><c>MATRIX__CLIENT__LISTEN</c>.</summary>
    public string Variable => "MATRIX__" + Name.Replace(".", "__", StringComparison.Ordinal).ToUpperInvariant();

    /// <summary>A second variable that says the same, for who knows the setting from elsewhere; null for
    /// none.</summary>
    public string? OtherVariable { get; init; }

    /// <summary>The part before the dot, or null.</summary>
    public string? Section => Name.IndexOf('.', StringComparison.Ordinal) is > 0 and var dot ? Name[..dot] : null;

    /// <summary>The part after the dot.</summary>
    public string Leaf => Name[(Name.IndexOf('.', StringComparison.Ordinal) + 1)..];
}

/// <summary>A value as it was written. Shape: BaseFolder is what relative paths count from.</summary>
internal sealed record ConfigText(IReadOnlyList<string> Items, string BaseFolder)
{
    /// <summary>The value of a key that is no list.</summary>
    public string Single => Items.Count == 0 ? string.Empty : Items[0];
}

/// <summary>The configuration with one more value in it, or what is wrong with that value.</summary>
internal readonly record struct ConfigStep(HomeserverConfig? Config, string? Problem)
{
    public static implicit operator ConfigStep(HomeserverConfig config) => new(config, null);

    public static ConfigStep Refuse(string problem) => new(null, problem);
}
