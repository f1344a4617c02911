using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Api.Hosting;

/// <summary>
/// The file of the server's signing key: one line, <c>ed25519 id base64-seed</c>, readable by its owner only.
/// </summary>
/// <remarks>The format is the one that other homeservers use, so that a key can be brought along.</remarks>
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

    internal static ServerSigningKey? Parse(string text)
    {
        var words = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
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
