using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;

namespace Matrix.EventSourced.Federation.ServerKeyApi;

/// <summary>Whether PDUs are signed by whom they must be.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #checks-performed-on-receipt-of-a-pdu (check 2).
/// All servers of a batch are asked for their keys at once; the signatures are then checked side by side.
/// </remarks>
public sealed class PduSignatureVerifier(IServerKeyRing keys, TimeProvider time)
{
    /// <summary>One outcome per PDU, in their order.</summary>
    public async ValueTask<IReadOnlyList<PduSignatureOutcome>> VerifyAsync(
        IReadOnlyList<Pdu> pdus, CancellationToken cancellationToken)
    {
        var needs = new List<KeyNeed>(pdus.Count);
        var firstNeeds = new int[pdus.Count + 1];
        for (var i = 0; i < pdus.Count; i++)
        {
            firstNeeds[i] = needs.Count;
            foreach (var server in PduSignatures.RequiredServers(pdus[i]) ?? [])
                needs.Add(KeyNeed.ForPdu(server, pdus[i]));
        }
        firstNeeds[pdus.Count] = needs.Count;
        var known = await keys.FindAsync(needs, cancellationToken);
        var nowMs = time.GetUtcNow().ToUnixTimeMilliseconds();
        var outcomes = new PduSignatureOutcome[pdus.Count];
        if (pdus.Count == 1)
            outcomes[0] = Check(0);
        else
            Parallel.For(0, pdus.Count, i => outcomes[i] = Check(i));
        return outcomes;

        PduSignatureOutcome Check(int index)
        {
            if (PduSignatures.RequiredServers(pdus[index]) is null)
                return new PduSignatureOutcome.Wrong("no server's signature would do");
            for (var i = firstNeeds[index]; i < firstNeeds[index + 1]; i++)
            {
                var need = needs[i];
                if (need.KeyIds.IsEmpty)
                    return new PduSignatureOutcome.Wrong($"{need.Server} has not signed it");
                if (known[i] is not { } ofServer || !need.IsMetBy(ofServer, nowMs))
                    return new PduSignatureOutcome.KeysMissing(need.Server);
                if (!PduSignatures.IsSignedBy(pdus[index], ofServer.Keys, nowMs))
                    return new PduSignatureOutcome.Wrong($"the signature of {need.Server} does not hold");
            }
            return new PduSignatureOutcome.Good();
        }
    }
}

/// <summary>What became of a PDU's signatures.</summary>
public abstract record PduSignatureOutcome
{
    private PduSignatureOutcome()
    {
    }

    public sealed record Good : PduSignatureOutcome;

    /// <summary>The PDU is dropped.</summary>
    public sealed record Wrong(string Reason) : PduSignatureOutcome;

    /// <summary>Nobody could say; the PDU is dropped, and may come again.</summary>
    public sealed record KeysMissing(ServerName Server) : PduSignatureOutcome
    {
        public string Reason => $"the keys of {Server} could not be had";
    }
}
