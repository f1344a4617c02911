namespace Matrix.EventSourced.Protocol;

public static partial class Limits
{
    /// <summary>
    /// LIMIT: signature and key pairs tried for one third-party invite. Ours: both lists are written by strangers, and
    /// a PDU has room for enough of them to keep a core busy for minutes; honest invites have one or two of each.
    /// </summary>
    public const int ThirdPartyInviteVerificationsMax = 64;
}
