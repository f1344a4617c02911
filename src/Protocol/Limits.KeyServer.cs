namespace Matrix.EventSourced.Protocol;

/// <content>Bounds of end-to-end encryption keys.</content>
public static partial class Limits
{
    /// <summary>LIMIT: bytes of the keys of a device, or of a cross-signing key, with their signatures. Ours: clients'
    /// have about one KiB; an EDU holds it.</summary>
    public const int KeyObjectBytesMax = 32 * 1_024;

    /// <summary>LIMIT: bytes of a one-time key. Ours: clients' have about 300.</summary>
    public const int OneTimeKeyBytesMax = 2_048;

    /// <summary>LIMIT: one-time keys that a device has to give out. Ours: clients keep 50 to 100; all of them fit one
    /// append.</summary>
    public const int OneTimeKeysPerDeviceMax = 250;

    /// <summary>LIMIT: algorithms of fallback keys of a device. Ours: there is one.</summary>
    public const int FallbackKeysPerDeviceMax = 10;

    /// <summary>LIMIT: records after which a device's one-time keys are written as a whole, and what came before is cut
    /// off. Ours: what a load reads, against how often everything is written.</summary>
    public const int OneTimeKeyRecordsMax = 200;

    /// <summary>LIMIT: one-time keys that one request claims. Ours: more devices than any room's members have in one
    /// go; clients ask again for the others.</summary>
    public const int ClaimsPerRequestMax = 10_000;

    /// <summary>LIMIT: users of one query for keys. Ours: clients ask for 250 at a time.</summary>
    public const int KeyQueryUsersMax = 10_000;

    /// <summary>LIMIT: bytes of a device list of another server's user that is kept. Ours: one append holds it; of a
    /// longer one is asked each time.</summary>
    public const int RemoteDeviceListBytesMax = 512 * 1_024;

    /// <summary>LIMIT: updates of a device list that are remembered to tell repeated ones from gaps. Ours: servers that
    /// send several at once send a few.</summary>
    public const int DeviceListUpdatesRememberedMax = 32;
}
