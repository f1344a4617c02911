using System.Diagnostics.CodeAnalysis;
using Matrix.EventSourced.Protocol.Json;
using NSec.Cryptography;

namespace Matrix.EventSourced.Protocol.Signing;

/// <summary>A private key with which a server signs.</summary>
/// <remarks>Spec: v1.19 appendices #signing-details. Safe for concurrent use. Never written anywhere but its own
/// file.</remarks>
[SuppressMessage("Design", "CA1001", Justification = "The key lives as long as the process that signs with it.")]
public sealed class ServerSigningKey
{
    private readonly Key _key;

    private ServerSigningKey(KeyId keyId, Key key)
    {
        KeyId = keyId;
        _key = key;
        PublicKeyBase64 = UnpaddedBase64.Encode(key.PublicKey.Export(KeyBlobFormat.RawPublicKey));
    }

    public KeyId KeyId { get; }

    /// <summary>The public half, unpadded base64.</summary>
    public string PublicKeyBase64 { get; }

    /// <summary>The key that a seed of 32 bytes makes; the same seed makes the same key everywhere.</summary>
    public static ServerSigningKey FromSeed(KeyId keyId, ReadOnlySpan<byte> seed32) =>
        new(keyId, Key.Import(SignatureAlgorithm.Ed25519, seed32, KeyBlobFormat.RawPrivateKey));

    /// <summary>The signature, unpadded base64.</summary>
    public string Sign(ReadOnlySpan<byte> message)
    {
        Span<byte> signature = stackalloc byte[SignatureAlgorithm.Ed25519.SignatureSize];
        SignatureAlgorithm.Ed25519.Sign(_key, message, signature);
        return UnpaddedBase64.Encode(signature);
    }
}
