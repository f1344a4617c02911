namespace Matrix.EventSourced.Fuzz;

/// <summary>A reader of untrusted bytes, with the laws that must hold for whatever it makes of them.</summary>
public interface IFuzzTarget
{
    /// <summary>The target's name on the command line and of its folder under <c>corpus</c>.</summary>
    string Name { get; }

    /// <summary>Fragments that random bytes would hardly ever form.</summary>
    IReadOnlyList<string> Dictionary { get; }

    /// <summary>
    /// Reads one input. Returns what became of it in a few words: an input with a new outcome is worth mutating
    /// further.
    /// Throws when a law is broken; any other exception is as bad.
    /// </summary>
    string Run(ReadOnlyMemory<byte> input);
}

/// <summary>A law did not hold.</summary>
public sealed class BrokenLawException(string law) : Exception(law)
{
    public static void ThrowUnless(bool holds, string law)
    {
        if (!holds)
            throw new BrokenLawException(law);
    }
}
