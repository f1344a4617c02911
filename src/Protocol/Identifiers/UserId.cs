using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Matrix.EventSourced.Protocol.Identifiers;

/// <summary>A user: <c>@localpart:server</c>.</summary>
/// <remarks>
/// Spec: v1.19 appendices #user-identifiers, #historical-user-ids.
/// Shape: <see cref="TryParse"/> takes historical ids (any localpart without colon and NUL), as other servers still
/// send them;
/// <see cref="TryCreateLocal"/> makes only ids of today's grammar. Units: at most 255 bytes of UTF-8.
/// </remarks>
[JsonConverter(typeof(IdentifierJsonConverter<UserId>))]
public readonly record struct UserId : IIdentifier<UserId>, IComparable<UserId>
{
    private readonly string? _value;

    private UserId(string value) => _value = value;

    public string Value => _value ?? throw new InvalidOperationException("A default UserId was used.");

    public static bool TryParse([NotNullWhen(true)] string? text, out UserId identifier)
    {
        if (text is null || !IdentifierGrammar.IsUserId(text))
        {
            identifier = default;
            return false;
        }
        identifier = new(text);
        return true;
    }

    /// <summary>For text that was validated before; throws FormatException otherwise.</summary>
    public static UserId Parse(string text) =>
        TryParse(text, out var identifier) ? identifier : throw new FormatException($"Not a UserId: {text}");

    /// <summary>The server part: what stands after the first colon.</summary>
    public ServerName Server => ServerName.FromValidated(Value[(Value.IndexOf(':', StringComparison.Ordinal) + 1)..]);

    /// <summary>Whether <see cref="Server"/> is this server, without making a string.</summary>
    public bool IsOn(ServerName server) =>
        Value.AsSpan(Value.IndexOf(':', StringComparison.Ordinal) + 1).SequenceEqual(server.Value);

    /// <summary>What stands between the sigil and the first colon.</summary>
    public ReadOnlySpan<char> Localpart => Value.AsSpan(1, Value.IndexOf(':', StringComparison.Ordinal) - 1);

    /// <summary>
    /// Makes the id of a user of ours; false unless the localpart keeps to the narrow grammar and the id to 255 bytes.
    /// </summary>
    /// <remarks>
    /// Spec: v1.19 appendices #user-identifiers. Characters: a-z, 0-9 and <c>. _ = - / +</c>; never empty.
    /// </remarks>
    public static bool TryCreateLocal(string? localpart, ServerName server, out UserId identifier)
    {
        identifier = default;
        return localpart is not null
            && IdentifierGrammar.IsStrictLocalpart(localpart)
            && TryParse($"@{localpart}:{server.Value}", out identifier);
    }

    /// <summary>Whether the id may be shown outside of PDUs: its localpart is printable ASCII and not empty.</summary>
    /// <remarks>Spec: v1.19 appendices #historical-user-ids.</remarks>
    public bool IsCompliant => IdentifierGrammar.IsCompliantLocalpart(Localpart);

    /// <summary>By UTF-8 bytes, which is by code point.</summary>
    public int CompareTo(UserId other) => Utf8Order.Compare(_value, other._value);

    public override string ToString() => _value ?? string.Empty;
}
