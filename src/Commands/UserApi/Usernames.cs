using System.Buffers;
using System.Globalization;
using System.Text;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>From what people type to user ids of this server.</summary>
/// <remarks>Spec: v1.19 appendices #user-identifiers; client-server-api #identifier-types.</remarks>
public static class Usernames
{
    private const string GeneratedAlphabet = "abcdefghijklmnopqrstuvwxyz234567";

    private static readonly SearchValues<char> Allowed = SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyz0123456789._=-/+");
    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789");

    /// <summary>The user id that a desired user name stands for; capitals are mapped to small letters.</summary>
    /// <remarks>
    /// Errors: M_INVALID_USERNAME for a character outside the grammar, an empty or too long name, and for digits alone,
    /// which are the guests'.
    /// </remarks>
    public static MatrixError? TryDesired(string username, ServerName server, out UserId userId)
    {
        userId = default;
        var localpart = LowerAscii(username);
        if (localpart.Length == 0)
            return Invalid("A user name must not be empty.");
        if (localpart.AsSpan().ContainsAnyExcept(Allowed))
            return Invalid("A user name may only hold a-z, 0-9 and ._=-/+.");
        if (!localpart.AsSpan().ContainsAnyExcept(Digits))
            return Invalid("User names of digits alone are reserved for guests.");
        return UserId.TryParse($"@{localpart}:{server.Value}", out userId)
            ? null
            : Invalid($"A user id may be at most {Limits.IdentifierBytesMax} bytes long.");
    }

    /// <summary>
    /// The user whom an identifier names: a local part, or a full id of this server. False for anybody else.
    /// </summary>
    public static bool TryExisting(string user, ServerName server, out UserId userId)
    {
        userId = default;
        if (user.Length == 0)
            return false;
        if (!user.StartsWith('@'))
            return UserId.TryParse($"@{LowerAscii(user)}:{server.Value}", out userId);
        if (!UserId.TryParse(user, out userId) || userId.Server != server)
            return false;
        return UserId.TryParse($"@{LowerAscii(userId.Localpart)}:{server.Value}", out userId);
    }

    /// <summary>A name for somebody who did not choose one.</summary>
    public static UserId Generate(IRandom random, ServerName server)
    {
        Span<byte> bytes = stackalloc byte[12];
        random.Fill(bytes);
        var localpart = new StringBuilder("u");
        foreach (var one in bytes)
            localpart.Append(GeneratedAlphabet[one % GeneratedAlphabet.Length]);
        return UserId.Parse($"@{localpart}:{server.Value}");
    }

    /// <summary>A guest's name: digits alone, which nobody else can have.</summary>
    public static UserId GenerateGuest(IRandom random, ServerName server)
    {
        Span<byte> bytes = stackalloc byte[8];
        random.Fill(bytes);
        var number = BitConverter.ToUInt64(bytes) % 1_000_000_000_000_000;
        return UserId.Parse(string.Create(CultureInfo.InvariantCulture, $"@{number:D15}:{server.Value}"));
    }

    private static MatrixError Invalid(string message) => new(400, ErrCodes.InvalidUsername, message);

    private static string LowerAscii(ReadOnlySpan<char> text)
    {
        var lowered = text.ToString().ToCharArray();
        for (var i = 0; i < lowered.Length; i++)
            lowered[i] = char.IsAsciiLetterUpper(lowered[i]) ? (char)(lowered[i] | 0x20) : lowered[i];
        return new string(lowered);
    }
}
