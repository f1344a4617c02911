using System.Collections.Immutable;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.Audit;

namespace Matrix.EventSourced.Commands.Audit;

/// <summary>Writes down that somebody looked into the log.</summary>
/// <remarks>Ensures: the question is on disk before it is answered, so nobody looks unseen.</remarks>
public sealed class AuditTrail(FactAppender appender)
{
    private static readonly StreamName Stream = new(StreamCategories.Audit, "log");

    /// <param name="arguments">The question as it was asked.</param>
    /// <param name="context">Who asks, and when.</param>
    public async ValueTask RecordAsync(ImmutableArray<string> arguments, CommandContext context)
    {
        var appended = await appender.AppendAsync(
            Stream, ExpectedRevision.Any, [new AuditPerformed(arguments)], context);
        if (appended is not AppendResult.Appended)
            throw new EventStoreException("The log refused to take down the audit.");
    }
}
