using System.Text.Json;

namespace Matrix.EventSourced.Protocol.EventAuth;

/// <summary>Looks into the content of PDUs, which anyone may have written: nothing here throws.</summary>
internal static class ContentReading
{
    public static bool TryFind(this JsonElement element, ReadOnlySpan<byte> name, out JsonElement value)
    {
        if (element.ValueKind == JsonValueKind.Object)
            return element.TryGetProperty(name, out value);
        value = default;
        return false;
    }

    public static string? FindString(this JsonElement element, ReadOnlySpan<byte> name) =>
        element.TryFind(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>The domain of an identifier with a sigil: what follows the first colon; empty when there is
    /// none.</summary>
    public static ReadOnlySpan<char> DomainOf(string identifier)
    {
        var colon = identifier.IndexOf(':', StringComparison.Ordinal);
        return colon < 0 ? [] : identifier.AsSpan(colon + 1);
    }

    public static bool HaveSameDomain(string first, string second)
    {
        var domain = DomainOf(first);
        return domain.Length > 0 && domain.SequenceEqual(DomainOf(second));
    }
}
