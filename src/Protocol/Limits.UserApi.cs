namespace Matrix.EventSourced.Protocol;

public static partial class Limits
{
    /// <summary>
    /// LIMIT: bytes of a profile as one JSON object. Spec: client-server-api #put_matrixclientv3profileuseridkeyname.
    /// </summary>
    public const int ProfileBytesMax = 65_536;

    /// <summary>
    /// LIMIT: bytes of a profile field's name. Spec: client-server-api #put_matrixclientv3profileuseridkeyname.
    /// </summary>
    public const int ProfileKeyBytesMax = 255;

    /// <summary>
    /// LIMIT: bytes of a display name or an avatar URL. Ours: both go into every member event, which must stay small.
    /// </summary>
    public const int ProfileNameBytesMax = 1_024;

    /// <summary>LIMIT: bytes of a device id. Ours: as any identifier.</summary>
    public const int DeviceIdBytesMax = 255;

    /// <summary>LIMIT: bytes of a device's display name. Ours: it goes to every server that shares a room.</summary>
    public const int DeviceNameBytesMax = 1_024;

    /// <summary>
    /// LIMIT: bytes of a password. Ours: hashing reads all of it before it knows whether it is right.
    /// </summary>
    public const int PasswordBytesMax = 512;

    /// <summary>
    /// LIMIT: access tokens of one user; the oldest session ends when a new one would be too many. Ours: each change of
    /// credentials writes all of them.
    /// </summary>
    public const int AccessTokensMax = 1_000;

    /// <summary>LIMIT: bytes of the content of one type of account data. Ours: half a record of the log.</summary>
    public const int AccountDataBytesMax = 524_288;

    /// <summary>
    /// LIMIT: nesting of account data that the server wrote itself. Ours: a body of the largest depth, and the few
    /// levels of a ruleset or of tags that it was put into.
    /// </summary>
    public const int AccountDataDepthMax = JsonDepthMax + 8;

    /// <summary>LIMIT: characters of an app_id of a pusher. Spec: client-server-api #post_matrixclientv3pushersset.
    /// </summary>
    public const int PusherAppIdLengthMax = 64;

    /// <summary>LIMIT: bytes of a pusher's pushkey. Spec: client-server-api #post_matrixclientv3pushersset.</summary>
    public const int PusherKeyBytesMax = 512;

    /// <summary>LIMIT: bytes of all that a pusher holds. Ours: names, a URL and some data of the app.</summary>
    public const int PusherBytesMax = 16_384;

    /// <summary>LIMIT: pushers of one user. Ours: one per app and device, and each is told of each event.</summary>
    public const int PushersMax = 100;

    /// <summary>LIMIT: bytes of the name of a room's tag. Spec: client-server-api #room-tagging.</summary>
    public const int TagBytesMax = 255;

    /// <summary>LIMIT: bytes of the id of a push rule. Ours: as any identifier; room and user ids must fit.</summary>
    public const int PushRuleIdBytesMax = 255;

    /// <summary>
    /// LIMIT: bytes of all push rules of a user. Ours: some hundred rules; each is tried for each event of the user's
    /// rooms.
    /// </summary>
    public const int PushRulesBytesMax = 131_072;

    /// <summary>LIMIT: bytes of a stored filter. Ours: far above what clients send.</summary>
    public const int FilterBytesMax = 65_536;

    /// <summary>
    /// LIMIT: bytes of a body that goes through user-interactive authentication; its parameters are kept in memory
    /// meanwhile. Ours.
    /// </summary>
    public const int InteractiveBodyBytesMax = 32_768;

    /// <summary>
    /// LIMIT: user-interactive authentications under way; the oldest is forgotten. Ours: at most 128 MiB of parameters.
    /// </summary>
    public const int InteractiveSessionsMax = 4_096;

    /// <summary>
    /// LIMIT: characters of a registration token. Spec: client-server-api #token-authenticated-registration.
    /// </summary>
    public const int RegistrationTokenLengthMax = 64;

    /// <summary>
    /// LIMIT: password hashings waiting for their turn; more are refused with M_LIMIT_EXCEEDED. Ours: some seconds of
    /// work.
    /// </summary>
    public const int PasswordHashQueueMax = 256;

    /// <summary>LIMIT: login tokens that wait to be used. Ours: they live for minutes.</summary>
    public const int LoginTokensMax = 4_096;

    /// <summary>
    /// LIMIT: characters of a client_secret. Spec: client-server-api #post_matrixclientv3registeremailrequesttoken.
    /// </summary>
    public const int ClientSecretLengthMax = 255;

    /// <summary>LIMIT: bytes of the reason of a report. Ours: some paragraphs for people to read.</summary>
    public const int ReportReasonBytesMax = 8_192;

    /// <summary>LIMIT: reports in one answer to an administrator. Ours: a page of them.</summary>
    public const int ReportsPageMax = 100;

    /// <summary>LIMIT: devices whose use is noted between two writes. Ours: some tens of MiB.</summary>
    public const int SightingsPerRoundMax = 100_000;

    /// <summary>LIMIT: characters of a program's name that are kept. Ours: a browser's has about 150.</summary>
    public const int UserAgentCharsMax = 512;

    /// <summary>LIMIT: nonces of the shared-secret registration that wait to be used. Ours.</summary>
    public const int RegistrationNoncesMax = 1_024;
}
