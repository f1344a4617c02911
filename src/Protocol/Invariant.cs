using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Matrix.EventSourced.Protocol;

/// <summary>What must hold whatever comes in from outside; always checked.</summary>
/// <remarks>Errors: throws <see cref="InvariantException"/>, which stops the room or projection at work, never the
/// process. Bad input is no invariant.</remarks>
public static class Invariant
{
    public static void Holds(
        [DoesNotReturnIf(false)] bool condition,
        string? what = null,
        [CallerArgumentExpression(nameof(condition))] string expression = "")
    {
        if (!condition)
            Throw(what ?? expression);
    }

    [DoesNotReturn]
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Throw(string what) => throw new InvariantException(what);
}

/// <summary>We are wrong: something that this server promises itself does not hold.</summary>
/// <remarks>Errors: whoever catches it stops the work of that room, not the process. Never for what others
/// send.</remarks>
public sealed class InvariantException(string what) : Exception($"This does not hold: {what}.");
