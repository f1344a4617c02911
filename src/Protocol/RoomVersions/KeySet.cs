using System.Text;

namespace Matrix.EventSourced.Protocol.RoomVersions;

/// <summary>A few JSON keys, asked for by their UTF-8 bytes.</summary>
/// <remarks>Cost: a scan over at most some fifteen keys, which compare their lengths first; nothing is
/// allocated.</remarks>
public sealed class KeySet
{
    private readonly byte[][] _utf8;

    public KeySet(params IEnumerable<string> names)
    {
        Names = [.. names];
        _utf8 = [.. Names.Select(Encoding.UTF8.GetBytes)];
    }

    public IReadOnlyList<string> Names { get; }

    public bool Contains(ReadOnlySpan<byte> utf8Key)
    {
        foreach (var key in _utf8)
        {
            if (utf8Key.SequenceEqual(key))
                return true;
        }
        return false;
    }

    public KeySet Without(params string[] names) => new(Names.Except(names));
}
