using System.Globalization;
using Matrix.EventSourced.Commands.KeyServer.KeyBackup;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.KeyServer.KeyBackup;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.KeyBackup;

/// <summary>What the write side asks about backups, over the queries of the projection.</summary>
internal sealed class KeyBackupLookup(KeyBackupQueries queries, IProjectionGate gate) : IKeyBackupLookup
{
    public async ValueTask<IReadOnlyDictionary<BackupKeyId, BackupKeyWorth>> WorthOfAsync(
        UserId userId, long version, IReadOnlyList<BackupKeyId> keys)
    {
        await gate.RequireHeadAsync(KeyBackupProjection.Gate, CancellationToken.None);
        var found = await queries.WorthOfAsync(
            userId,
            version,
            [.. keys.Select(key => key.RoomId)],
            [.. keys.Select(key => key.SessionId)],
            CancellationToken.None);
        return found.ToDictionary(
            key => new BackupKeyId(key.RoomId, key.SessionId),
            key => new BackupKeyWorth(key.IsVerified, key.FirstMessageIndex, key.ForwardedCount));
    }

    public async ValueTask<BackupContents?> ContentsAsync(UserId userId, long version, LogPosition position)
    {
        await gate.WaitForAsync(KeyBackupProjection.Gate, position, CancellationToken.None);
        return await queries.FindAsync(userId, version, CancellationToken.None) is { } backup
            ? new BackupContents(backup.KeyCount, backup.Etag.ToString(CultureInfo.InvariantCulture))
            : null;
    }
}
