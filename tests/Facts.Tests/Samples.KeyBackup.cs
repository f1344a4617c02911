using Matrix.EventSourced.Facts.KeyServer.KeyBackup;

namespace Matrix.EventSourced.Facts.Tests;

/// <content>Key backups.</content>
internal static partial class Samples
{
    private static (string File, IFact Fact)[] KeyBackupSamples()
    {
        var auth = RawJson.FromText("{ \"public_key\":\"abcdefg\"}");
        var data = RawJson.FromText("{\"ciphertext\":\"c\",\"ephemeral\":\"e\",\"mac\":\"m\"}");
        return
        [
            .. Pair(
                FactNames.KeyBackupCreated,
                new KeyBackupCreated(Alice, 2, "m.megolm_backup.v1.curve25519-aes-sha2", auth),
                new KeyBackupCreated(Alice, 1, "a", RawJson.FromText("{}"))),
            .. Pair(
                FactNames.KeyBackupChanged,
                new KeyBackupChanged(Alice, 2, auth),
                new KeyBackupChanged(Alice, 1, RawJson.FromText("{}"))),
            .. Pair(FactNames.KeyBackupDeleted, new KeyBackupDeleted(Alice, 2), new KeyBackupDeleted(Alice, 1)),
            .. Pair(
                FactNames.BackupKeysStored,
                new BackupKeysStored(
                    Alice,
                    2,
                    [
                        new BackedUpKey(Room.Value, "session1", true, 7, 3, data),
                        new BackedUpKey(Room.Value, "session2", false, 0, 0, RawJson.FromText("{}")),
                    ]),
                new BackupKeysStored(Alice, 1, [])),
            .. Pair(
                FactNames.BackupKeysDeleted,
                new BackupKeysDeleted(Alice, 2, Room.Value, "session1"),
                new BackupKeysDeleted(Alice, 1)),
        ];
    }
}
