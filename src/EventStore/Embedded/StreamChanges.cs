namespace Matrix.EventSourced.EventStore.Embedded;

/// <summary>The rare writes: bounds, deletion, erasure. Each runs inside the writer's transaction.</summary>
internal static class StreamChanges
{
    public static bool SetMetadata(WriteSession session, StreamName name, StreamMetadata metadata)
    {
        var stream = session.FindHead(name.Value) ?? session.AddStream(name.Value);
        using var statement = session.Database.PrepareOnce(
            "UPDATE streams SET max_age_ms = ?2, max_count = ?3, truncate_before = ?4 WHERE id = ?1");
        statement
            .Bind(1, stream.Id)
            .Bind(2, metadata.MaxAge is { } age ? (long)age.TotalMilliseconds : null)
            .Bind(3, metadata.MaxCount)
            .Bind(4, metadata.TruncateBefore)
            .Run();
        return true;
    }

    public static AppendResult Delete(WriteSession session, StreamName name, ExpectedRevision expected)
    {
        var stream = session.FindHead(name.Value);
        if (!expected.Admits(stream?.Actual))
            return new AppendResult.Conflict(stream?.Actual);
        if (stream is null)
            return new AppendResult.Appended(-1, session.LastVisible);
        session.Database.Execute($"UPDATE streams SET first = {stream.Head + 1} WHERE id = {stream.Id}");
        stream.First = stream.Head + 1;
        var position = session.Added.Count > 0 ? session.Added[^1].Position : session.LastVisible;
        return new AppendResult.Appended(stream.Head, position);
    }

    /// <summary>False when there is no such record.</summary>
    public static bool Rewrite(WriteSession session, LogPosition position, ReadOnlyMemory<byte> data)
    {
        using var statement = session.Database.PrepareOnce("UPDATE records SET data = ?2 WHERE position = ?1");
        statement.Bind(1, (long)position.Value).Bind(2, data.Span).Run();
        return session.Database.Changes == 1;
    }
}
