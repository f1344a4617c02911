using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.KeyServer.KeyBackup;

/// <summary>How many keys a backup holds. Shape: Etag is another whenever its keys are.</summary>
public sealed record BackupContents(long Count, string Etag);

/// <summary>What is in the backups: the read side knows.</summary>
public interface IKeyBackupLookup
{
    /// <summary>What is there of the given keys, as of the log's head.</summary>
    ValueTask<IReadOnlyDictionary<BackupKeyId, BackupKeyWorth>> WorthOfAsync(
        UserId userId, long version, IReadOnlyList<BackupKeyId> keys);

    /// <summary>How much is there once a position is reached; null when the backup is gone.</summary>
    ValueTask<BackupContents?> ContentsAsync(UserId userId, long version, LogPosition position);
}
