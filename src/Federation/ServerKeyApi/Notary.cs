using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Federation.ServerKeyApi;

/// <summary>Answers for other servers' keys.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #querying-keys-through-another-server: our signature beside the server's own; a server
/// that is down is answered for with the last document known.
/// Ensures: asks the servers themselves, never other notaries, so that questions do not go in circles.
/// </remarks>
public sealed class Notary(ServerIdentity identity, OwnServerKeys own, IServerKeyRing keys, TimeProvider time)
{
    /// <summary>The documents that could be had, each signed by us.</summary>
    /// <remarks>Units: validAtMs, until when a document should be good; null is now.</remarks>
    public async ValueTask<IReadOnlyList<ReadOnlyMemory<byte>>> AnswerAsync(
        IReadOnlyList<(ServerName Server, long? ValidAtMs)> questions, CancellationToken cancellationToken)
    {
        var nowMs = time.GetUtcNow().ToUnixTimeMilliseconds();
        var found = await Task.WhenAll(questions.Select(question =>
            DocumentAsync(question.Server, question.ValidAtMs ?? nowMs, cancellationToken).AsTask()));
        return [.. found.OfType<ReadOnlyMemory<byte>>()];
    }

    private async ValueTask<ReadOnlyMemory<byte>?> DocumentAsync(
        ServerName server, long validAtMs, CancellationToken cancellationToken)
    {
        if (server == identity.Name)
            return own.Read();
        if (await keys.DocumentAsync(server, validAtMs, cancellationToken) is not { } known)
            return null;
        return JsonSigning.Sign(JsonElement.Parse(known.Document.Span), identity.Name, identity.Key);
    }
}
