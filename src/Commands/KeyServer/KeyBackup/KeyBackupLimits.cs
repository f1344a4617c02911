namespace Matrix.EventSourced.Commands.KeyServer.KeyBackup;

/// <summary>Bounds of key backups, each with its source.</summary>
public static class KeyBackupLimits
{
    /// <summary>LIMIT: bytes of one upload of keys. Ours: clients send batches of 100 to 200 keys of 1 to 2 KiB.
    /// </summary>
    public const int UploadBytesMax = 8 * 1_024 * 1_024;

    /// <summary>LIMIT: bytes of a backup's authentication data. Ours: a key and the signatures of many
    /// devices.</summary>
    public const int AuthDataBytesMax = 64 * 1_024;

    /// <summary>LIMIT: bytes of the session data of one key. Ours: some 2 KiB are usual.</summary>
    public const int SessionDataBytesMax = 64 * 1_024;

    /// <summary>LIMIT: characters of the name of an algorithm. Ours: as an identifier.</summary>
    public const int AlgorithmLengthMax = 255;

    /// <summary>LIMIT: backups of one user that are there at once. Ours: clients keep one; some keep those before it.
    /// </summary>
    public const int BackupsMax = 100;

    /// <summary>LIMIT: bytes of session data in one fact. Ours: a batch of a client is one or two facts.</summary>
    public const int FactBytesMax = 256 * 1_024;

    /// <summary>LIMIT: facts in one append. Ours: with what stands around the session data, within what the log takes
    /// at once.</summary>
    public const int FactsPerAppendMax = 2;

    /// <summary>What stands around the session data of a key in a fact, at most: two identifiers of 255 bytes, escaped,
    /// and the rest.</summary>
    public const int KeyOverheadBytes = 800;
}
