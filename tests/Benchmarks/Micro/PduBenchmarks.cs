using System.Text.Json;
using BenchmarkDotNet.Attributes;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Benchmarks.Micro;

/// <summary>What a text message of some 800 bytes costs on its way in and out.</summary>
public class PduBenchmarks
{
    private const string Id = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";

    private readonly RoomVersionRules _rules = RoomVersionRules.Find(RoomVersionRules.DefaultVersion)!;
    private readonly ServerIdentity _identity = new(
        ServerName.Parse("one.example"), ServerSigningKey.FromSeed(KeyId.Parse("ed25519:1"), new byte[32]));

    private ServerKeys _keys = null!;
    private PduDraft _draft = null!;
    private Pdu _pdu = null!;

    [GlobalSetup]
    public void SetUp()
    {
        var content = JsonDocument.Parse("""{"msgtype":"m.text","body":"Good morning, how are you?"}""").RootElement;
        EventId[] references = [EventId.Parse("$" + Id), EventId.Parse("$A" + Id[1..]), EventId.Parse("$B" + Id[1..])];
        _draft = new(RoomId.Parse("!" + Id), EventTypes.Message, null, UserId.Parse("@alice:one.example"), content,
            1_700_000_000_000, 1_000, references[..1], references);
        _pdu = BuildAndSign();
        var publicKey = Convert.FromBase64String(_identity.Key.PublicKeyBase64 + "=");
        var key = new VerifyKey(_identity.Key.KeyId, publicKey, null);
        _keys = new(_identity.Name, new Dictionary<KeyId, VerifyKey> { [key.KeyId] = key },
            new Dictionary<KeyId, VerifyKey>(), long.MaxValue);
        if (!ParseAndVerify())
            throw new InvalidOperationException("The PDU should verify.");
    }

    [Benchmark]
    public Pdu BuildAndSign() => ((PduBuildResult.Built)PduBuilder.Build(_draft, _rules, _identity)).Pdu;

    [Benchmark]
    public Pdu Parse() => ((PduParseResult.Parsed)PduParser.Parse(_pdu.Json, _rules)).Pdu;

    [Benchmark]
    public Pdu ParseStored() => PduParser.ParseStored(_pdu.Json, _rules, _pdu.EventId);

    /// <summary>Form, signature and content hash: the first three checks of what another server sends.</summary>
    [Benchmark]
    public bool ParseAndVerify()
    {
        var pdu = Parse();
        return PduSignatures.IsSignedBy(pdu, _keys, pdu.OriginServerTs) && PduHashes.ContentHashHolds(pdu);
    }

    [Benchmark]
    public byte[] RedactAndReferenceHash() =>
        PduHashes.ReferenceHash(Redaction.Redact(_pdu), _pdu.Type, _rules);
}
