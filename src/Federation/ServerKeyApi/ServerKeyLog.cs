using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.ServerKeyApi;
using Matrix.EventSourced.Protocol.Identifiers;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Federation.ServerKeyApi;

/// <summary>What the log knows of servers' keys.</summary>
/// <remarks>A server's stream is read when the server is first met, and no projection stands between (ADR 0050): keys
/// are needed to accept facts, so they must not wait for a read model.</remarks>
public sealed partial class ServerKeyLog(
    IEventReader log, FactAppender appender, TimeProvider time, ILogger<ServerKeyLog> logger)
{
    // LIMIT: documents of one server looked at. Ours: one per refresh of half a day, so a month and a half; keys that
    // were left out longer ago were either listed as old or are asked for anew.
    private const int DocumentsMax = 100;

    public async ValueTask<KnownServerKeys?> ReadAsync(ServerName server, CancellationToken cancellationToken)
    {
        KnownServerKeys? known = null;
        await foreach (var record in log.ReadStreamAsync(
            Stream(server), null, ReadDirection.Backwards, DocumentsMax, cancellationToken))
        {
            if (FactCodec.Decode(record.Type, record.Data) is ServerKeysFetched fact
                && KnownServerKeys.Read(server, fact.Document.Utf8, fact.FetchedAtMs) is { } older)
            {
                known = known?.With(older) ?? older;
            }
        }
        return known;
    }

    public async ValueTask WriteAsync(KnownServerKeys keys, ServerName? notary)
    {
        var fact = new ServerKeysFetched(
            keys.Keys.Server, new RawJson(keys.Document), keys.FetchedAtMs, notary);
        var context = new CommandContext(
            new FactActor(Server: (notary ?? keys.Keys.Server).Value),
            time.GetUtcNow().ToUnixTimeMilliseconds(),
            "serverkeys");
        try
        {
            await appender.AppendAsync(Stream(keys.Keys.Server), ExpectedRevision.Any, [fact], context);
        }
        catch (EventStoreException problem)
        {
            // The keys are good all the same; they are fetched again after the next start.
            LogNotWritten(logger, keys.Keys.Server.Value, problem.Message);
        }
    }

    private static StreamName Stream(ServerName server) => new(StreamCategories.ServerKeys, server.Value);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The keys of {server} could not be recorded: {problem}")]
    private static partial void LogNotWritten(ILogger logger, string server, string problem);
}
