using Matrix.EventSourced.Fuzz.Targets;

namespace Matrix.EventSourced.Fuzz;

/// <summary>Every reader of untrusted bytes in the kernel.</summary>
public static class FuzzTargets
{
    public static IReadOnlyList<IFuzzTarget> All { get; } =
    [
        new CanonicalJsonTarget(),
        new PduTarget(),
        new IdentifierTarget(),
        new PowerLevelsTarget(),
        new XMatrixTarget(),
        new SignedJsonTarget(),
    ];
}
