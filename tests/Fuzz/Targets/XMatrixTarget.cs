using System.Text;
using Matrix.EventSourced.Protocol.Signing;
using static Matrix.EventSourced.Fuzz.BrokenLawException;

namespace Matrix.EventSourced.Fuzz.Targets;

/// <summary>Authorization headers between servers: what was read is written in a form that reads the same.</summary>
internal sealed class XMatrixTarget : IFuzzTarget
{
    public string Name => "x-matrix";

    public IReadOnlyList<string> Dictionary { get; } =
    [
        "X-Matrix ", "x-matrix  ", "origin=", "destination=", "key=", "sig=", "signature=", "\"a.example:8448\"",
        "\\\"", " , ", "\t", "ed25519:1", "[::1]:8448", "unknown=1,", "ORIGIN=b,",
    ];

    public string Run(ReadOnlyMemory<byte> input)
    {
        if (!XMatrixHeader.TryParse(Encoding.Latin1.GetString(input.Span), out var header))
            return "refused";
        var isRead = XMatrixHeader.TryParse(header.ToString(), out var again);
        ThrowUnless(isRead && again == header, "What is written reads the same.");
        return $"read {header.Destination is not null} {header.Origin.Port is not null}";
    }
}
