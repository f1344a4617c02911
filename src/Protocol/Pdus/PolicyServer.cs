using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Protocol.Pdus;

/// <summary>The server that a room asks to recommend each of its PDUs, and the key with which it does.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #determining-if-a-policy-server-is-enabled-in-a-room,
/// #validating-policy-server-signatures; client-server-api #mroompolicy.
/// Shape: PublicKey is 32 bytes, or empty where the room's key is none; then nothing that it signs holds.
/// Requires of the caller: a user of the server is joined in the current state, or the room has no policy server.
/// Cost: <see cref="HasSigned"/>, one hashing of the redacted PDU and one verification.
/// </remarks>
public sealed record PolicyServer(ServerName Server, ReadOnlyMemory<byte> PublicKey)
{
    private const int PublicKeyBytes = 32;

    /// <summary>The name of the key, always.</summary>
    public static KeyId KeyId { get; } = KeyId.Parse("ed25519:policy_server");

    /// <summary>What the current state says, or null for a room without a policy server.</summary>
    /// <param name="policy">The room's <c>m.room.policy</c> with an empty state key.</param>
    public static PolicyServer? From(Pdu? policy)
    {
        if (policy is not { Type: EventTypes.PolicyServer, StateKey.Length: 0 }
            || !policy.Content.TryGetProperty("public_keys"u8, out var keys) || keys.ValueKind != JsonValueKind.Object
            || !keys.TryGetProperty("ed25519"u8, out var key) || key.ValueKind != JsonValueKind.String
            || !ServerName.TryParse(policy.FindContentString("via"u8), out var server))
        {
            return null;
        }
        // SPEC?: any string is a valid key to the spec. One that is no key keeps the room's policy server enabled.
        var publicKey = new byte[PublicKeyBytes];
        var isKey = UnpaddedBase64.TryDecodeExact(key.GetString(), publicKey);
        return new PolicyServer(server, isKey ? publicKey : default);
    }

    /// <summary>Whether the policy server is to be asked: always, but for the state that names it.</summary>
    public static bool MustSign(Pdu pdu) => pdu is not { Type: EventTypes.PolicyServer, StateKey.Length: 0 };

    /// <summary>Whether the PDU carries the policy server's signature, and it holds.</summary>
    public bool HasSigned(Pdu pdu)
    {
        Span<byte> signature = stackalloc byte[64];
        return JsonSigning.FindIn(pdu.SignaturesUtf8, Server, KeyId) is { } text
            && UnpaddedBase64.TryDecodeExact(text, signature)
            && JsonSigning.Verify(PduSignatures.SignedPart(pdu), signature, KeyId, PublicKey.Span);
    }

    /// <summary>The signature in a policy server's answer, or null if it did not give one.</summary>
    /// <remarks>Add it with <see cref="PduRewriting.AddSignature"/>, then ask <see cref="HasSigned"/>.</remarks>
    public string? FindSignature(JsonElement answer) =>
        answer.ValueKind == JsonValueKind.Object
        && answer.TryGetProperty(Server.Value, out var ofServer) && ofServer.ValueKind == JsonValueKind.Object
        && ofServer.TryGetProperty(KeyId.Value, out var signature) && signature.ValueKind == JsonValueKind.String
        && UnpaddedBase64.TryDecodeExact(signature.GetString(), stackalloc byte[64])
            ? signature.GetString()
            : null;
}
