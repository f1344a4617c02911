using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Pdus;

namespace Matrix.EventSourced.Commands.Roomserver.Policy;

/// <summary>The policy servers of rooms; the network is behind it.</summary>
/// <remarks>Spec: v1.19 server-server-api #asking-for-a-policy-server-signature-on-an-event. Errors: values.</remarks>
public interface IPolicyServers
{
    /// <summary>Asks for the signature of one PDU. Requires: <see cref="PolicyServer.MustSign"/>.</summary>
    ValueTask<PolicyAnswer> AskAsync(PolicyServer server, Pdu pdu);
}

/// <summary>What a policy server said.</summary>
public abstract record PolicyAnswer
{
    private PolicyAnswer() { }

    /// <summary>Its signature, not checked yet.</summary>
    public sealed record Signed(string Signature) : PolicyAnswer;

    /// <summary>It does not recommend the PDU; the error is what a client is told.</summary>
    public sealed record Refused(MatrixError Error) : PolicyAnswer;

    /// <summary>It said nothing that can be used.</summary>
    public sealed record Unreachable(MatrixError Error) : PolicyAnswer;
}
