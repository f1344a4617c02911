using Matrix.EventSourced.Commands.Roomserver.Policy;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Commands.Tests.Roomserver;

/// <summary>A policy server that signs what the test lets it sign, when the test lets it.</summary>
internal sealed class TestPolicyServer : IPolicyServers
{
    private readonly ServerSigningKey _key = ServerSigningKey.FromSeed(PolicyServer.KeyId, [.. Enumerable.Repeat((byte)7, 32)]);

    /// <summary>What it says instead of signing; null to sign.</summary>
    public Func<Pdu, PolicyAnswer?> Decide { get; set; } = _ => null;

    /// <summary>What it waits for before it answers.</summary>
    public Func<Pdu, Task> Think { get; set; } = _ => Task.CompletedTask;

    public List<Pdu> Asked { get; } = [];

    public int AtOnce { get; private set; }

    public int AtOnceMax { get; private set; }

    public string PublicKey => _key.PublicKeyBase64;

    public string Content(string via = "hs") => $$$"""{"via":"{{{via}}}","public_keys":{"ed25519":"{{{PublicKey}}}"}}""";

    public static PolicyAnswer Refusal { get; } = new PolicyAnswer.Refused(
        new MatrixError(400, ErrCodes.Forbidden, "It looks like spam."));

    public static PolicyAnswer Silence { get; } = new PolicyAnswer.Unreachable(
        new MatrixError(502, ErrCodes.Unknown, "It is away."));

    public async ValueTask<PolicyAnswer> AskAsync(PolicyServer server, Pdu pdu)
    {
        lock (Asked)
        {
            Asked.Add(pdu);
            AtOnceMax = Math.Max(AtOnceMax, ++AtOnce);
        }
        await Think(pdu);
        lock (Asked)
            AtOnce--;
        return Decide(pdu) ?? new PolicyAnswer.Signed(_key.Sign(PduSignatures.SignedPart(pdu)));
    }

    public bool HasSigned(Pdu pdu) => new PolicyServer(
        ServerName.Parse("hs"), Convert.FromBase64String(PublicKey.PadRight(44, '='))).HasSigned(pdu);
}
