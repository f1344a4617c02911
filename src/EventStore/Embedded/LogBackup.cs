using Matrix.EventSourced.EventStore.Embedded.Sqlite;

namespace Matrix.EventSourced.EventStore.Embedded;

/// <summary>Copies the log's file while it is written: a read transaction sees one state, whatever is appended
/// meanwhile.</summary>
internal static class LogBackup
{
    /// <param name="source">The log's file.</param>
    /// <param name="target">The file of the copy.</param>
    public static void Run(string source, string target)
    {
        if (File.Exists(target))
            throw new EventStoreException($"{target} is there already.");
        var unfinished = target + ".unfinished";
        File.Delete(unfinished);
        try
        {
            using (var database = new SqliteDatabase(source, readOnly: true))
                database.Execute($"VACUUM INTO '{unfinished.Replace("'", "''", StringComparison.Ordinal)}'");
            Flush(unfinished);
            File.Move(unfinished, target);
        }
        catch (SqliteFailure problem)
        {
            File.Delete(unfinished);
            throw new EventStoreException($"The log could not be copied to {target}.", problem);
        }
    }

    private static void Flush(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite);
        file.Flush(flushToDisk: true);
    }
}
