namespace Matrix.EventSourced.Facts.Schema;

internal static class OAuthFactRows
{
    private static readonly FactField ClientId = new("client_id", "string", "The client.");
    private static readonly FactField DeviceId =
        new("device_id", "string", "The device that it chose, unique within the account.");
    private static readonly FactField Scope = new("scope", "string", "What was granted.");
    private static readonly FactField ExpiresAtMs =
        new("expires_at_ms", "integer", "Until when it can be used, Unix milliseconds.");
    private static readonly FactField Grant =
        new("grant_sha256", "string", "The session: the SHA-256 of what its refresh tokens begin with.");

    public static readonly IReadOnlyList<FactDescription> Rows =
    [
        FactDescription.Of(
            FactNames.OAuthClientRegistered,
            StreamCategories.OAuthClient,
            FactJson.Context.OAuthClientRegistered,
            "A client of the OAuth API said what it is.",
            "Nobody follows it; it is read by the client's id.",
            ClientId,
            new("metadata", "object", "What was taken of its metadata.")),
        FactDescription.Of(
            FactNames.OAuthCodeIssued,
            StreamCategories.OAuthCode,
            FactJson.Context.OAuthCodeIssued,
            "A user let a client in, which got a code. The stream is named after its SHA-256 and goes after a day.",
            "Nobody follows it; it is read when the code comes.",
            new("user_id", "user id", "Who let it in."),
            ClientId,
            DeviceId,
            Scope,
            new("redirect_uri", "string", "Where the code was sent."),
            new("code_challenge", "string", "The SHA-256 of the client's verifier."),
            ExpiresAtMs),
        FactDescription.Of(
            FactNames.OAuthCodeRedeemed,
            StreamCategories.OAuthCode,
            FactJson.Context.OAuthCodeRedeemed,
            "A code was used up, and a session is about to be opened.",
            "The code opens nothing again; who brings it again ends the session.",
            Grant,
            new("is_repeated", "boolean?", "Whether it had been used up before; absent means false.")),
        FactDescription.Of(
            FactNames.OAuthDeviceRequested,
            StreamCategories.OAuthDevice,
            FactJson.Context.OAuthDeviceRequested,
            "A device without a browser waits to be let in. The stream is named after the code that its user types, and goes "
            + "after a day.",
            "Nobody follows it; it is read when a code comes.",
            ClientId,
            DeviceId,
            Scope,
            new("device_code_sha256", "string", "The SHA-256 of the code that the device asks with."),
            ExpiresAtMs),
        FactDescription.Of(
            FactNames.OAuthDeviceDecided,
            StreamCategories.OAuthDevice,
            FactJson.Context.OAuthDeviceDecided,
            "A user let the device in, or refused it.",
            "The device gets its tokens, or is told so.",
            new("user_id", "user id", "Who decided."),
            new("is_allowed", "boolean?", "Whether it was let in; absent means false.")),
        FactDescription.Of(
            FactNames.OAuthDeviceRedeemed,
            StreamCategories.OAuthDevice,
            FactJson.Context.OAuthDeviceRedeemed,
            "The device's code was used up, and a session is about to be opened.",
            "The code opens nothing again.",
            Grant),
        FactDescription.Of(
            FactNames.UpstreamLinked,
            StreamCategories.Upstream,
            FactJson.Context.UpstreamLinked,
            "Somebody at an identity provider is to have an account here. The last one counts.",
            "It holds once the account's credentials list the same link; then that is who comes from the provider.",
            new("provider_id", "string", "The identity provider, as it is configured."),
            new("subject", "string", "The provider's id of them."),
            new("user_id", "user id", "The account.")),
    ];
}
