namespace Matrix.EventSourced.EventStore;

/// <summary>A log that can be copied while it is written.</summary>
public interface ILogBackup
{
    /// <summary>Writes a copy of the log into a folder, from which the same engine can open it.</summary>
    /// <remarks>
    /// Requires: the folder exists and holds no log.
    /// Ensures: the copy is one consistent state that holds everything acknowledged before the call; it is on disk when
    /// this returns. Appends go on meanwhile.
    /// Errors: <see cref="EventStoreException"/>; what was written then is no log.
    /// </remarks>
    Task BackUpAsync(string folder, CancellationToken cancellationToken = default);
}
