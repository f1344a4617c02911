using System.Collections.Immutable;
using System.Globalization;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.KeyServer.KeyBackup;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.KeyServer.KeyBackup;

/// <summary>Decides what may be written to <c>keybackup-…</c> and <c>backupkeys-…</c>. Pure.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #server-side-key-backups.
/// Which of two keys stays is decided twice by one rule: here, so that a key that is no better makes no fact, and where
/// the facts are read, in the order of the log; so two writers who did not know of each other end as one would have.
/// </remarks>
public static class KeyBackupDecider
{
    public static MatrixError UnknownVersion { get; } = MatrixError.NotFound("Unknown backup version.");

    /// <summary>A new backup, which is the current one from now on.</summary>
    /// <remarks>Errors: M_FORBIDDEN above <see cref="KeyBackupLimits.BackupsMax"/>.</remarks>
    public static Decision Create(KeyBackupState state, UserId userId, string algorithm, RawJson authData) =>
        state.VersionToBackup.Count >= KeyBackupLimits.BackupsMax
            ? MatrixError.Forbidden($"A user has at most {KeyBackupLimits.BackupsMax} backups; delete one.")
            : Decision.Accept(new KeyBackupCreated(userId, state.LastVersion + 1, algorithm, authData));

    /// <summary>Other authentication data for a backup, whose algorithm stays.</summary>
    /// <remarks>Errors: M_NOT_FOUND; M_INVALID_PARAM for another algorithm.</remarks>
    public static Decision Change(
        KeyBackupState state, UserId userId, long version, string algorithm, RawJson authData)
    {
        if (!state.VersionToBackup.TryGetValue(version, out var known))
            return UnknownVersion;
        if (known.Algorithm != algorithm)
            return MatrixError.InvalidParam("The algorithm of a backup cannot change.");
        return known.AuthData == authData
            ? Decision.Nothing
            : Decision.Accept(new KeyBackupChanged(userId, version, authData));
    }

    /// <summary>A backup goes; one that went before is gone already.</summary>
    /// <remarks>Errors: M_NOT_FOUND for one that never was.</remarks>
    public static Decision Delete(KeyBackupState state, UserId userId, long version) =>
        state.VersionToBackup.ContainsKey(version) ? Decision.Accept(new KeyBackupDeleted(userId, version))
        : version >= 1 && version <= state.LastVersion ? Decision.Nothing
        : UnknownVersion;

    /// <summary>Why a backup takes no keys; null when it does.</summary>
    /// <remarks>Errors: M_NOT_FOUND; M_WRONG_ROOM_KEYS_VERSION for one that is not the current one.</remarks>
    public static MatrixError? FindProblemOfWriting(KeyBackupState state, long version)
    {
        if (!state.VersionToBackup.ContainsKey(version))
            return UnknownVersion;
        if (version == state.Current)
            return null;
        var current = state.Current.ToString(CultureInfo.InvariantCulture);
        return new MatrixError(403, ErrCodes.WrongRoomKeysVersion, "This is not the current backup version.")
        {
            Extra = [new("current_version", $"\"{current}\"")],
        };
    }

    /// <summary>The facts for those of the offered keys that are new, or better than what is there.</summary>
    /// <remarks>Ensures: a fact holds at most <see cref="KeyBackupLimits.FactBytesMax"/> of session data, unless it
    /// holds one key.</remarks>
    public static ImmutableArray<BackupKeysStored> Store(
        UserId userId,
        long version,
        IReadOnlyList<BackedUpKey> offered,
        IReadOnlyDictionary<BackupKeyId, BackupKeyWorth> known)
    {
        var facts = ImmutableArray.CreateBuilder<BackupKeysStored>();
        var keys = ImmutableArray.CreateBuilder<BackedUpKey>();
        var bytes = 0;
        foreach (var key in offered)
        {
            var isKnown = known.TryGetValue(new(key.RoomId, key.SessionId), out var worth);
            if (isKnown && !BackupKeyWorth.Of(key).IsBetterThan(worth))
                continue;
            var size = key.SessionData.Utf8.Length + KeyBackupLimits.KeyOverheadBytes;
            if (keys.Count > 0 && bytes + size > KeyBackupLimits.FactBytesMax)
            {
                facts.Add(new BackupKeysStored(userId, version, keys.DrainToImmutable()));
                bytes = 0;
            }
            keys.Add(key);
            bytes += size;
        }
        if (keys.Count > 0)
            facts.Add(new BackupKeysStored(userId, version, keys.DrainToImmutable()));
        return facts.ToImmutable();
    }
}

/// <summary>What names a key within a backup.</summary>
public readonly record struct BackupKeyId(string RoomId, string SessionId);

/// <summary>What decides between two keys of one session.</summary>
public readonly record struct BackupKeyWorth(bool IsVerified, long FirstMessageIndex, long ForwardedCount)
{
    public static BackupKeyWorth Of(BackedUpKey key) =>
        new(key.IsVerified, key.FirstMessageIndex, key.ForwardedCount);

    /// <summary>Verified, then the lower first index, then the lower count; equals are not better.</summary>
    /// <remarks>Spec: v1.19 client-server-api #server-side-key-backups.</remarks>
    public bool IsBetterThan(BackupKeyWorth other) =>
        IsVerified != other.IsVerified ? IsVerified
        : FirstMessageIndex != other.FirstMessageIndex ? FirstMessageIndex < other.FirstMessageIndex
        : ForwardedCount < other.ForwardedCount;
}
