namespace Matrix.EventSourced.Facts.Schema;

internal static class KeyBackupFactRows
{
    private static readonly FactField UserId = new("user_id", "user id", "Whose backup it is.");
    private static readonly FactField Version = new("version", "integer", "The backup, counted from 1.");
    private static readonly FactField AuthData = new("auth_data", "any JSON", "What clients know the backup by.");

    public static readonly IReadOnlyList<FactDescription> Rows =
    [
        FactDescription.Of(
            FactNames.KeyBackupCreated,
            StreamCategories.KeyBackup,
            FactJson.Context.KeyBackupCreated,
            "A user began a backup of their keys.",
            "It takes keys from now on; the one before takes none any more.",
            UserId,
            Version,
            new("algorithm", "string", "How keys are encrypted in it."),
            AuthData),
        FactDescription.Of(
            FactNames.KeyBackupChanged,
            StreamCategories.KeyBackup,
            FactJson.Context.KeyBackupChanged,
            "A backup has other authentication data.",
            "Replace them.",
            UserId,
            Version,
            AuthData),
        FactDescription.Of(
            FactNames.KeyBackupDeleted,
            StreamCategories.KeyBackup,
            FactJson.Context.KeyBackupDeleted,
            "A backup is gone.",
            "Remove it and all keys in it.",
            UserId,
            Version),
        FactDescription.Of(
            FactNames.BackupKeysStored,
            StreamCategories.BackupKeys,
            FactJson.Context.BackupKeysStored,
            "Keys were offered to a backup. The stream goes with the backup.",
            "Keep the better key of two for a session: the verified one, then the lower first index, then the lower "
            + "count; of equals the older. A backup that is gone takes none.",
            UserId,
            Version,
            new(
                "keys",
                "array of `{room_id, session_id, is_verified?, first_message_index?, forwarded_count?, session_data}`",
                "The keys, each session once.")),
        FactDescription.Of(
            FactNames.BackupKeysDeleted,
            StreamCategories.BackupKeys,
            FactJson.Context.BackupKeysDeleted,
            "Keys were taken out of a backup.",
            "Remove them.",
            UserId,
            Version,
            new("room_id", "string?", "Only those of this room."),
            new("session_id", "string?", "Only that of this session.")),
    ];
}
