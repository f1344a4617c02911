namespace Matrix.EventSourced.EventStore.Embedded;

/// <summary>The rare writes: bounds, deletion, erasure. Each runs inside the writer's transaction.</summary>
internal static class StreamChanges
{
    /// <summary>Appends the record of metadata that says so, unless the bounds are these already.</summary>
    public static bool SetMetadata(WriteSession session, StreamName name, StreamMetadata metadata)
    {
        var holder = session.FindHead(name.Metadata.Value);
        var current = holder?.Actual is null ? ReadOnlyMemory<byte>.Empty : LastData(session, holder);
        var change = StreamMetadataJson.Change(name, metadata, (holder?.Head ?? -1) + 1, current);
        if (change is not null)
            session.Append(name.Metadata, ExpectedRevision.Any, [change]);
        return true;
    }

    /// <summary>Makes a record of metadata the bounds of the stream that it describes.</summary>
    public static void ApplyMetadata(WriteSession session, StreamName name, ReadOnlyMemory<byte> json)
    {
        var metadata = StreamMetadataJson.Read(json);
        var stream = session.FindHead(name.Value) ?? session.AddStream(name);
        using var statement = session.Database.PrepareOnce(
            "UPDATE streams SET max_age_ms = ?2, max_count = ?3, truncate_before = ?4 WHERE id = ?1");
        statement
            .Bind(1, stream.Id)
            .Bind(2, metadata.MaxAge is { } age ? (long)age.TotalMilliseconds : null)
            .Bind(3, metadata.MaxCount)
            .Bind(4, metadata.TruncateBefore)
            .Run();
    }

    /// <summary>Hides what a stream holds; forGood: and all that anybody may ever want to append to it.</summary>
    public static AppendResult Delete(WriteSession session, StreamName name, ExpectedRevision expected, bool forGood)
    {
        var stream = session.FindHead(name.Value);
        if (stream?.IsTombstoned == true)
            return new AppendResult.Tombstoned();
        if (!expected.Admits(stream?.Actual))
            return new AppendResult.Conflict(stream?.Actual);
        if (stream is null && !forGood)
            return new AppendResult.Appended(-1, session.LastVisible);
        stream ??= session.AddStream(name);
        session.Database.Execute(
            $"UPDATE streams SET first = {stream.Head + 1}, tombstoned = {(forGood ? 1 : 0)} WHERE id = {stream.Id}");
        stream.First = stream.Head + 1;
        stream.IsTombstoned = forGood;
        var position = session.Added.Count > 0 ? session.Added[^1].Position : session.LastVisible;
        return new AppendResult.Appended(stream.Head, position);
    }

    private static ReadOnlyMemory<byte> LastData(WriteSession session, StreamHead stream)
    {
        using var statement = session.Database.PrepareOnce(
            "SELECT data FROM records WHERE stream = ?1 ORDER BY revision DESC LIMIT 1");
        return statement.Bind(1, stream.Id).Step() ? statement.Blob(0) : ReadOnlyMemory<byte>.Empty;
    }

    /// <summary>False when there is no such record.</summary>
    public static bool Rewrite(WriteSession session, LogPosition position, ReadOnlyMemory<byte> data)
    {
        using var statement = session.Database.PrepareOnce("UPDATE records SET data = ?2 WHERE position = ?1");
        statement.Bind(1, (long)position.Value).Bind(2, data.Span).Run();
        return session.Database.Changes == 1;
    }
}
