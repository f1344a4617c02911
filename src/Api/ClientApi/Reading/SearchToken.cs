using System.Globalization;
using System.Text;
using Matrix.EventSourced.Projections.Search;

namespace Matrix.EventSourced.Api.ClientApi.Reading;

/// <summary>Where a search goes on: the log's position that all its pages are as of, the last result's place, and the
/// group that it stays in.</summary>
/// <remarks>Shape: <c>r{position}_{rank}_{place}</c>, then for a group <c>_{r or s}{its value in hex}</c>. The rank is
/// written bit by bit, so that no rounding repeats or leaves out a result.</remarks>
internal sealed record SearchToken(long UpTo, SearchPlace After, SearchGroup? Group)
{
    public string Write()
    {
        var bits = BitConverter.SingleToInt32Bits(After.Rank);
        var text = string.Create(CultureInfo.InvariantCulture, $"r{UpTo}_{bits:x8}_{After.Position}");
        return Group is not { } group ? text
            : $"{text}_{(group.IsBySender ? 's' : 'r')}{Convert.ToHexStringLower(Encoding.UTF8.GetBytes(group.Value))}";
    }

    public static bool TryRead(string text, out SearchToken? token)
    {
        token = null;
        var parts = text.Split('_');
        if (parts.Length is not (3 or 4)
            || !parts[0].StartsWith('r')
            || !TryReadPosition(parts[0][1..], out var upTo)
            || !int.TryParse(parts[1], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var bits)
            || !TryReadPosition(parts[2], out var position))
        {
            return false;
        }
        var rank = BitConverter.Int32BitsToSingle(bits);
        SearchGroup? group = null;
        if (parts.Length == 4 && (group = FindGroup(parts[3])) is null)
            return false;
        token = new(upTo, new(rank, position), group);
        return float.IsFinite(rank);
    }

    private static SearchGroup? FindGroup(string text)
    {
        if (text.Length < 3 || text[0] is not ('r' or 's') || text.Length % 2 == 0)
            return null;
        var bytes = new byte[text.Length / 2];
        var status = Convert.FromHexString(text.AsSpan(1), bytes, out _, out _);
        var value = Encoding.UTF8.GetString(bytes);
        return status == System.Buffers.OperationStatus.Done && !value.Contains('\0', StringComparison.Ordinal)
            ? new SearchGroup(text[0] == 's', value)
            : null;
    }

    private static bool TryReadPosition(string text, out long position) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out position);
}
