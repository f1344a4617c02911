using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Facts;

/// <summary>The stream categories of the log. A stream is <c>category-id</c>; the store's own type is made from these
/// by the callers.</summary>
public static class StreamCategories
{
    /// <summary><c>room-!abc:hs</c>: every PDU of a room. The last record alone is enough to load the room.</summary>
    public const string Room = "room";

    /// <summary><c>user-@a:hs</c>: the account, its profile, its devices, its filters, forgotten rooms.</summary>
    public const string User = "user";

    /// <summary><c>credentials-@a:hs</c>: password hash and token hashes; keeps only its last record.</summary>
    public const string Credentials = "credentials";

    /// <summary><c>accountdata-@a:hs</c>: global and per-room account data.</summary>
    public const string AccountData = "accountdata";

    /// <summary><c>alias-#x:hs</c>: where a room alias points.</summary>
    public const string Alias = "alias";

    /// <summary><c>directory-!abc:hs</c>: whether a room is listed in the public directory.</summary>
    public const string Directory = "directory";

    /// <summary><c>reports-log</c>: what users reported to the administrators.</summary>
    public const string Reports = "reports";

    /// <summary><c>erasure-log</c>: whose content was erased from the log.</summary>
    public const string Erasure = "erasure";

    /// <summary><c>audit-log</c>: who looked into the log, and for what.</summary>
    public const string Audit = "audit";

    /// <summary><c>serverkeys-other.org</c>: the signing keys of another server, as they changed.</summary>
    public const string ServerKeys = "serverkeys";

    /// <summary><c>destination-other.org</c>: what another server took of what we send; keeps only its last
    /// records.</summary>
    public const string Destination = "destination";

    /// <summary><c>typing-!abc:hs</c>: who types in a room; keeps only its last records, each says everything.
    /// </summary>
    public const string Typing = "typing";

    /// <summary><c>receipts-!abc:hs</c>: who has read a room up to where.</summary>
    public const string Receipts = "receipts";

    /// <summary><c>presence-@a:hs</c>: a user's presence; keeps only its last records, each says everything.</summary>
    public const string Presence = "presence";

    /// <summary><c>todevice-@a:hs</c>: messages for a user's devices, ours or another server's, and what they have
    /// got.</summary>
    public const string ToDevice = "todevice";

    /// <summary><c>devicekeys-@a:hs</c>: a user's device list, cross-signing keys, and signatures.</summary>
    public const string DeviceKeys = "devicekeys";

    /// <summary><c>onetimekeys-@a:hs/DEVICE</c>: one-time and fallback keys of a device; cut off now and then, before a
    /// record that says everything.</summary>
    public const string OneTimeKeys = "onetimekeys";

    /// <summary><c>remotedevices-@b:other.org</c>: what is known of the devices of another server's user; cut off
    /// before the last record that says everything.</summary>
    public const string RemoteDevices = "remotedevices";

    /// <summary><c>media-abc</c>, <c>media-other.org/abc</c>: a piece of media, ours or a copy of another
    /// server's.</summary>
    public const string Media = "media";

    /// <summary><c>keybackup-@a:hs</c>: a user's backups of their keys, without the keys.</summary>
    public const string KeyBackup = "keybackup";

    /// <summary><c>backupkeys-1/@a:hs</c>: the keys of one backup; goes with it.</summary>
    public const string BackupKeys = "backupkeys";

    /// <summary><c>appservice-irc</c>: what an application service took of what is for it; keeps only its last
    /// records.</summary>
    public const string Appservice = "appservice";

    /// <summary><c>networklist-!abc:hs</c>: in which networks' directories a room stands.</summary>
    public const string NetworkList = "networklist";

    /// <summary><c>oauthclient-abc</c>: what a client of the OAuth API said of itself.</summary>
    public const string OAuthClient = "oauthclient";

    /// <summary><c>oauthcode-SHA256</c>: an authorisation code, and whether it was exchanged; gone after a
    /// day.</summary>
    public const string OAuthCode = "oauthcode";

    /// <summary><c>oauthdevice-BCDFGHJK</c>: a device that waits for its user to let it in; gone after a day.</summary>
    public const string OAuthDevice = "oauthdevice";

    /// <summary><c>delayedevent-abc</c>: an event that is to be sent later; keeps only its last record, and that for a
    /// while after its end.</summary>
    public const string DelayedEvent = "delayedevent";

    /// <summary><c>upstream-example/SHA256</c>: whose account somebody's at an identity provider is.</summary>
    public const string Upstream = "upstream";
}
