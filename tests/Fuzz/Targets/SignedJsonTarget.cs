using System.Text.Json;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;
using Matrix.EventSourced.Protocol.Signing;
using static Matrix.EventSourced.Fuzz.BrokenLawException;

namespace Matrix.EventSourced.Fuzz.Targets;

/// <summary>Objects that others signed, key lists among them, as a lenient reader hands them over.</summary>
internal sealed class SignedJsonTarget : IFuzzTarget
{
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = Limits.JsonDepthMax };
    private static readonly ServerName Server = ServerName.Parse("domain");
    private static readonly ServerSigningKey Key = ServerSigningKey.FromSeed(KeyId.Parse("ed25519:1"), new byte[32]);
    private static readonly byte[] PublicKey = UnpaddedBase64.Decode(Key.PublicKeyBase64)!;

    public string Name => "signed-json";

    public IReadOnlyList<string> Dictionary { get; } =
    [
        "\"signatures\":{\"domain\":{\"ed25519:1\":\"AAAA\"}},", "\"unsigned\":{},", "\"verify_keys\":{},", "\\ud800",
        "\"old_verify_keys\":{\"ed25519:0\":{\"key\":\"\",\"expired_ts\":1}},", "\"server_name\":\"domain\",", "1e400",
    ];

    public string Run(ReadOnlyMemory<byte> input)
    {
        JsonElement json;
        try
        {
            json = JsonElement.Parse(input.Span, Options);
        }
        catch (JsonException)
        {
            return "no JSON";
        }
        ThrowUnless(!JsonSigning.Verify(json, Server, Key.KeyId, PublicKey), "Nobody but the key signs.");
        ThrowUnless(ServerKeys.Read(json, Server) is ServerKeysResult.Refused, "An unsigned key list is none.");
        if (json.ValueKind != JsonValueKind.Object
            || !CanonicalJson.TryCanonicalise(input.Span, out _, out _))
        {
            return "no signable object";
        }
        var signed = JsonElement.Parse(JsonSigning.Sign(json, Server, Key), Options);
        ThrowUnless(JsonSigning.Verify(signed, Server, Key.KeyId, PublicKey), "What is signed verifies.");
        return ServerKeys.Read(signed, Server) switch
        {
            ServerKeysResult.Refused refused => refused.Error.Message,
            _ => "keys",
        };
    }
}
