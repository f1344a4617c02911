using System.Globalization;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Federation.ServerKeyApi;
using Matrix.EventSourced.Protocol.Json;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Api.Hosting;

/// <summary>
/// The file of the server's signing key: a line <c>ed25519 id base64-seed</c>, readable by its owner only. Lines after
/// it name keys that were used before: <c>old ed25519 id base64-public-key expired-ms</c>.
/// </summary>
/// <remarks>The first line is in the format that other homeservers use, so that a key can be brought along.</remarks>
internal static class SigningKeyFile
{
    private const string IdAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

    /// <summary>
    /// Reads the key, or makes one where there is no file; throws <see cref="StartException"/> for a file that is no
    /// key.
    /// </summary>
    public static ServerSigningKey LoadOrMake(string path, IRandom random)
    {
        if (!File.Exists(path))
            PrivateFile.Write(path, MakeLine(random));
        return Parse(File.ReadAllText(path))
            ?? throw new StartException(
                $"{path} is no signing key; expected is one line: ed25519 <id> <base64 of 32 bytes>.");
    }

    /// <summary>The keys used before; throws <see cref="StartException"/> for a line that is none.</summary>
    public static RetiredKeys LoadRetired(string path)
    {
        var keys = new List<VerifyKey>();
        foreach (var words in Lines(File.ReadAllText(path)).Skip(1))
        {
            var publicKey = new byte[32];
            if (words.Length != 5 || words[0] != "old" || !KeyId.TryParse($"{words[1]}:{words[2]}", out var keyId)
                || !keyId.IsEd25519 || !UnpaddedBase64.TryDecodeExact(words[3], publicKey)
                || !long.TryParse(words[4], NumberStyles.None, CultureInfo.InvariantCulture, out var expiredTs))
            {
                throw new StartException(
                    $"{path} has a line that is no key; after the first are expected lines: "
                    + "old ed25519 <id> <base64 of the public key> <Unix milliseconds at which it was replaced>.");
            }
            keys.Add(new VerifyKey(keyId, publicKey, expiredTs));
        }
        return new RetiredKeys(keys);
    }

    /// <summary>Replaces the key by a new one; the one that was stays among the old ones.</summary>
    public static (KeyId Old, KeyId New) Rotate(string path, IRandom random, DateTimeOffset now)
    {
        var old = LoadOrMake(path, random);
        var others = Lines(File.ReadAllText(path)).Skip(1).Select(words => string.Join(' ', words));
        var retired = string.Create(
            CultureInfo.InvariantCulture,
            $"old ed25519 {old.KeyId.Value["ed25519:".Length..]} {old.PublicKeyBase64} {now.ToUnixTimeMilliseconds()}");
        var fresh = MakeLine(random);
        PrivateFile.Write(path, fresh + string.Join('\n', [retired, .. others]) + "\n");
        return (old.KeyId, Parse(fresh)!.KeyId);
    }

    private static IEnumerable<string[]> Lines(string text) => text
        .Split('\n')
        .Select(line => line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        .Where(words => words.Length > 0);

    internal static ServerSigningKey? Parse(string text)
    {
        var words = Lines(text).FirstOrDefault() ?? [];
        if (words.Length != 3 || !KeyId.TryParse($"{words[0]}:{words[1]}", out var keyId))
            return null;
        Span<byte> seed = stackalloc byte[48];
        var padded = words[2].TrimEnd('=');
        padded = padded.PadRight((padded.Length + 3) / 4 * 4, '=');
        return words[0] == "ed25519" && Convert.TryFromBase64String(padded, seed, out var length) && length == 32
            ? ServerSigningKey.FromSeed(keyId, seed[..32])
            : null;
    }

    private static string MakeLine(IRandom random)
    {
        Span<byte> bytes = stackalloc byte[32 + 4];
        random.Fill(bytes);
        var id = new char[4];
        for (var i = 0; i < id.Length; i++)
            id[i] = IdAlphabet[bytes[32 + i] % IdAlphabet.Length];
        return $"ed25519 a_{new string(id)} {Convert.ToBase64String(bytes[..32]).TrimEnd('=')}\n";
    }
}
