using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Matrix.EventSourced.Commands.Messaging;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>Access tokens and device ids: how they are made, and how tokens are kept.</summary>
/// <remarks>
/// Shape: a token is 32 random bytes in unpadded URL-safe base64; the log and the tables know only its SHA-256 in the
/// same alphabet.
/// </remarks>
public static class AccessTokens
{
    /// <summary>LIMIT: characters of a token that is worth hashing. Ours: twice what we give out.</summary>
    public const int LengthMax = 128;

    public static string Create(IRandom random)
    {
        Span<byte> bytes = stackalloc byte[32];
        random.Fill(bytes);
        return Base64Url.EncodeToString(bytes);
    }

    public static string Hash(string token)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(token), hash);
        return Base64Url.EncodeToString(hash);
    }

    /// <summary>Ten capital letters, as people know device ids.</summary>
    public static string CreateDeviceId(IRandom random)
    {
        Span<byte> bytes = stackalloc byte[10];
        random.Fill(bytes);
        Span<char> letters = stackalloc char[bytes.Length];
        for (var i = 0; i < bytes.Length; i++)
            letters[i] = (char)('A' + (bytes[i] % 26));
        return new string(letters);
    }
}
