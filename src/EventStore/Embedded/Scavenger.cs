using Matrix.EventSourced.EventStore.Embedded.Sqlite;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.EventStore.Embedded;

/// <summary>Removes from the file what no reader may see any more, a little at a time between the appends.</summary>
internal sealed partial class Scavenger(LogWriter writer, TimeProvider time, ILogger log)
{
    /// <summary>LIMIT: bounded streams looked at in one transaction. Ours: well under a millisecond of the writer's
    /// time.</summary>
    private const int StreamsPerStep = 64;

    /// <summary>LIMIT: records removed from one stream in one transaction. Ours: appends wait for it.</summary>
    private const int RecordsPerStep = 512;

    private int _running;

    /// <summary>One pass over every bounded stream; answers how many records were removed. Does nothing while another
    /// pass runs.</summary>
    public async Task<long> RunAsync()
    {
        if (Interlocked.Exchange(ref _running, 1) == 1)
            return 0;
        try
        {
            var total = 0L;
            var next = 0L;
            while (next >= 0)
            {
                var from = next;
                var operation = new FunctionOperation<Step>(session => RunStep(session, from));
                writer.Enqueue(operation);
                var step = await operation.Task;
                total += step.Removed;
                next = step.Next;
            }
            if (total > 0)
                LogRemoved(log, total);
            return total;
        }
        finally
        {
            Volatile.Write(ref _running, 0);
        }
    }

    private Step RunStep(WriteSession session, long from)
    {
        var streams = BoundedStreams(session.Database, from);
        var removed = 0L;
        foreach (var stream in streams)
        {
            var removedHere = RemoveFrom(session, stream, out var isDone);
            removed += removedHere;
            if (!isDone)
            {
                session.RaisePositionFloor();
                return new Step(stream.Id, removed);
            }
        }
        if (removed > 0)
            session.RaisePositionFloor();
        return new Step(streams.Count < StreamsPerStep ? -1 : streams[^1].Id + 1, removed);
    }

    private static List<BoundedStream> BoundedStreams(SqliteDatabase database, long from)
    {
        var streams = new List<BoundedStream>(StreamsPerStep);
        using var statement = database.PrepareOnce("""
            SELECT id, first, floor, max_age_ms, max_count, truncate_before FROM streams
            WHERE id >= ?1
            AND (first > 0 OR max_age_ms IS NOT NULL OR max_count IS NOT NULL OR truncate_before IS NOT NULL)
            ORDER BY id LIMIT ?2
            """);
        statement.Bind(1, from).Bind(2, StreamsPerStep);
        while (statement.Step())
        {
            var maxAgeMs = statement.IntegerOrNull(3);
            streams.Add(new BoundedStream(
                statement.Integer(0),
                statement.Integer(1),
                statement.Integer(2),
                new StreamMetadata(
                    maxAgeMs is { } ms ? TimeSpan.FromMilliseconds(ms) : null,
                    statement.IntegerOrNull(4),
                    statement.IntegerOrNull(5))));
        }
        return streams;
    }

    private long RemoveFrom(WriteSession session, BoundedStream stream, out bool isDone)
    {
        isDone = true;
        var database = session.Database;
        if (FirstRevision(database, stream.Id) is not { } lowest)
            return 0;
        var head = Math.Max(stream.Floor, session.LastRevision(stream.Id));
        var visible = StreamBounds.FirstVisible(stream.First, head, stream.Metadata);
        if (stream.Metadata.MaxAge is not null)
            visible = Math.Max(visible, FirstYoung(database, stream, head));
        var end = Math.Min(visible, lowest + RecordsPerStep);
        if (end <= lowest)
            return 0;
        isDone = end >= Math.Min(visible, head + 1);
        if (end > head)
            database.Execute($"UPDATE streams SET floor = {head} WHERE id = {stream.Id}");
        database.Execute($"DELETE FROM records WHERE stream = {stream.Id} AND revision < {end}");
        return database.Changes;
    }

    private static long? FirstRevision(SqliteDatabase database, long streamId)
    {
        using var statement = database.PrepareOnce("SELECT min(revision) FROM records WHERE stream = ?1");
        statement.Bind(1, streamId).Step();
        return statement.IntegerOrNull(0);
    }

    /// <summary>The first revision that is not too old; what stands before it is removed now, so nothing is looked at
    /// twice.</summary>
    private long FirstYoung(SqliteDatabase database, BoundedStream stream, long head)
    {
        var oldestMs = StreamBounds.OldestVisibleMs(stream.Metadata, time.GetUtcNow().ToUnixTimeMilliseconds());
        using var statement = database.PrepareOnce(
            "SELECT revision FROM records WHERE stream = ?1 AND created_ms >= ?2 ORDER BY revision LIMIT 1");
        statement.Bind(1, stream.Id).Bind(2, oldestMs);
        return statement.Step() ? statement.Integer(0) : head + 1;
    }

    private sealed record BoundedStream(long Id, long First, long Floor, StreamMetadata Metadata);

    /// <summary>Where the next step begins, -1 at the end, and how many records this one removed.</summary>
    private readonly record struct Step(long Next, long Removed);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Removed {record_count} records outside their streams' bounds")]
    private static partial void LogRemoved(ILogger logger, long record_count);
}
