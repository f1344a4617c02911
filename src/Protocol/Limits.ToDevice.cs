namespace Matrix.EventSourced.Protocol;

/// <content>Bounds of messages to devices.</content>
public static partial class Limits
{
    /// <summary>LIMIT: bytes of the content of one message. Ours: what a whole PDU may have.</summary>
    public const int ToDeviceContentBytesMax = PduBytesMax;

    /// <summary>LIMIT: bytes of content in one fact, and so in one EDU. Ours: one message always fits; more go into
    /// further ones, as a transaction holds many EDUs.</summary>
    public const int ToDeviceFactBytesMax = PduBytesMax;

    /// <summary>LIMIT: bytes of such facts in one append. Ours: half of what the log takes at once, as their metadata
    /// come on top.</summary>
    public const int ToDeviceAppendBytesMax = 512 * 1_024;

    /// <summary>LIMIT: how long the log keeps a message that its devices, or its server, have got. Ours: long enough to
    /// look into what went wrong, and far beyond any second try of who sent it.</summary>
    public static readonly TimeSpan ToDeviceRetention = TimeSpan.FromDays(7);

    /// <summary>LIMIT: messages in one answer of /sync. Spec: client-server-api #send-to-device-messaging (100
    /// recommended).</summary>
    public const int ToDeviceMessagesPerSyncMax = 100;
}
