using System.Text.Json;
using Matrix.EventSourced.Commands.KeyServer;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Kit.KeyServer;

/// <summary>Real keys, made of small numbers.</summary>
public static class TestKeys
{
    public static readonly UserId Alice = UserId.Parse("@alice:hs");
    public static readonly UserId Bob = UserId.Parse("@bob:hs");

    public static ServerSigningKey Key(byte seed) =>
        ServerSigningKey.FromSeed(KeyId.Parse("ed25519:1"), Enumerable.Repeat(seed, 32).ToArray());

    public static string Public(byte seed) => Key(seed).PublicKeyBase64;

    /// <summary>A cross-signing key of a user, signed by the keys of the seeds.</summary>
    public static RawJson CrossSigning(UserId user, string usage, byte seed, params byte[] signers)
    {
        var key = Json($$"""{"user_id":"{{user}}","usage":["{{usage}}"],"keys":{"ed25519:{{Public(seed)}}":"{{Public(seed)}}"} }""");
        return Signed(key, user, [.. signers.Select(signer => (Public(signer), signer))]);
    }

    /// <summary>The keys of a device, signed by itself.</summary>
    public static RawJson Device(UserId user, string deviceId, byte seed) => Signed(
        Json($$"""
        {"user_id":"{{user}}","device_id":"{{deviceId}}","algorithms":["m.olm.v1.curve25519-aes-sha2"],
        "keys":{"ed25519:{{deviceId}}":"{{Public(seed)}}"} }
        """),
        user,
        (deviceId, seed));

    public static RawJson Signed(RawJson key, UserId user, params (string Name, byte Seed)[] signers)
    {
        var part = JsonSigning.SignedPart(KeyJson.Parse(key));
        return signers.Length == 0
            ? key
            : KeyJson.WithSignatures(
                key, user, [.. signers.Select(signer => (KeyJson.KeyIdOf(signer.Name), Key(signer.Seed).Sign(part)))]);
    }

    public static OneTimeKey OneTime(string id, string key = "\"k\"") => new(id, RawJson.FromText(key));

    public static RawJson Json(string text) => KeyJson.Keep(JsonElement.Parse(text));
}
