using System.Collections.Immutable;
using Matrix.EventSourced.Commands.Audit;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Projections.Audit;

namespace Matrix.EventSourced.Api.Control;

/// <summary>Takes an audit's question down in the log, then answers it.</summary>
internal sealed class Auditor(AuditTrail trail, AuditReader reader, AuditVerifier verifier, TimeProvider time)
{
    /// <summary>The answer's lines. Requires: the words are those that the question was read from.</summary>
    public async ValueTask<IAsyncEnumerable<ReadOnlyMemory<byte>>> AskAsync(
        AuditQuestion question,
        ImmutableArray<string> words,
        string by,
        CancellationToken cancellationToken)
    {
        var context = new CommandContext(
            new FactActor(Admin: by), time.GetUtcNow().ToUnixTimeMilliseconds(), "audit");
        await trail.RecordAsync(words, context);
        return question switch
        {
            AuditQuestion.History history => reader.HistoryAsync(history.Filter, cancellationToken),
            AuditQuestion.State state =>
                reader.StateAsync(state.RoomId, state.At, state.WithContent, cancellationToken),
            AuditQuestion.Changes changes =>
                reader.ChangesAsync(changes.RoomId, changes.From, changes.To, cancellationToken),
            AuditQuestion.Verify verify => verifier.RunAsync(verify.IsLogOnly, cancellationToken),
            _ => throw new ArgumentOutOfRangeException(nameof(question)),
        };
    }
}
