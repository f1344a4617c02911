using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>Tokens that tell other services who a user is, and nothing else.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #openid.
/// Shape: <c>base64url(expiry in ms, user id).base64url(signature)</c>: the server's own signature says that it made
/// the token, so none is kept and a restart loses none. Ed25519 signs the same text the same way each time, so a
/// signature is checked by making it again. What is signed begins with a word and is no JSON: it can stand for nothing
/// else that the key signs.
/// </remarks>
public sealed class OpenIdTokens(ServerIdentity identity, TimeProvider time)
{
    /// <summary>LIMIT: how long a token is good. Ours, the hour of the spec's example.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(1);

    /// <summary>LIMIT: characters of a token that is worth checking. Ours: above what we give out.</summary>
    public const int LengthMax = 1_024;

    public string Create(UserId userId)
    {
        var expiresAtMs = time.GetUtcNow().Add(Lifetime).ToUnixTimeMilliseconds();
        var payload = Encoding.UTF8.GetBytes(
            string.Create(CultureInfo.InvariantCulture, $"{expiresAtMs} {userId.Value}"));
        var encoded = Base64Url.EncodeToString(payload);
        return $"{encoded}.{SignatureOf(encoded)}";
    }

    /// <summary>Whose the token is; false for one that is not ours or has expired.</summary>
    public bool TryRead(string token, out UserId userId)
    {
        userId = default;
        var dot = token.IndexOf('.', StringComparison.Ordinal);
        if (dot <= 0 || token.Length > LengthMax || !Base64Url.IsValid(token.AsSpan(0, dot)))
            return false;
        var isOurs = CryptographicOperations.FixedTimeEquals(
            Encoding.UTF8.GetBytes(SignatureOf(token[..dot])), Encoding.UTF8.GetBytes(token[(dot + 1)..]));
        if (!isOurs)
            return false;
        var payload = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(token.AsSpan(0, dot)));
        var space = payload.IndexOf(' ', StringComparison.Ordinal);
        var expiresAtMs = long.Parse(payload.AsSpan(0, space), NumberStyles.None, CultureInfo.InvariantCulture);
        userId = UserId.Parse(payload[(space + 1)..]);
        return expiresAtMs > time.GetUtcNow().ToUnixTimeMilliseconds();
    }

    private string SignatureOf(string encoded) =>
        identity.Key.Sign(Encoding.UTF8.GetBytes("openid " + encoded)).Replace('+', '-').Replace('/', '_');
}
