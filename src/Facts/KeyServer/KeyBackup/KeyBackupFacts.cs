using System.Collections.Immutable;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Facts.KeyServer.KeyBackup;

/// <summary>A user began a backup of their keys: <c>keyserver.backup_created.v1</c>, stream
/// <c>keybackup-…</c>.</summary>
/// <remarks>Shape: versions count from 1 within a user. AuthData is the clients' business, verbatim.</remarks>
public sealed record KeyBackupCreated(UserId UserId, long Version, string Algorithm, RawJson AuthData) : IFact;

/// <summary>A backup has other authentication data: <c>keyserver.backup_changed.v1</c>, stream
/// <c>keybackup-…</c>.</summary>
public sealed record KeyBackupChanged(UserId UserId, long Version, RawJson AuthData) : IFact;

/// <summary>A backup is gone, and all keys in it: <c>keyserver.backup_deleted.v1</c>, stream <c>keybackup-…</c>.
/// </summary>
public sealed record KeyBackupDeleted(UserId UserId, long Version) : IFact;

/// <summary>Keys were offered to a backup: <c>keyserver.backup_keys_stored.v1</c>, stream <c>backupkeys-…</c> of the
/// backup.</summary>
/// <remarks>
/// Shape: each session of a room at most once.
/// Consumers: keep the better key of two for the same session: the verified one, then that with the lower first index,
/// then that which was forwarded less. Of equals the older stays. A backup that is gone takes none.
/// </remarks>
public sealed record BackupKeysStored(UserId UserId, long Version, ImmutableArray<BackedUpKey> Keys) : IFact;

/// <summary>The key of one session, encrypted. Shape: SessionData is the clients' business, verbatim.</summary>
public sealed record BackedUpKey(
    string RoomId,
    string SessionId,
    bool IsVerified,
    long FirstMessageIndex,
    long ForwardedCount,
    RawJson SessionData);

/// <summary>Keys were taken out of a backup: <c>keyserver.backup_keys_deleted.v1</c>, stream <c>backupkeys-…</c> of the
/// backup.</summary>
/// <remarks>Shape: without SessionId all of the room, without RoomId all.</remarks>
public sealed record BackupKeysDeleted(
    UserId UserId, long Version, string? RoomId = null, string? SessionId = null) : IFact;
