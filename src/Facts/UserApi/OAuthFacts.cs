using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Facts.UserApi;

/// <summary>A client registered itself: <c>userapi.oauth_client_registered.v1</c>, only fact of the stream
/// <c>oauthclient-…</c>.</summary>
/// <remarks>Shape: Metadata is what was taken of what the client said. ClientId is made from it, so clients that say
/// the
/// same share one.</remarks>
public sealed record OAuthClientRegistered(string ClientId, RawJson Metadata) : IFact;

/// <summary>A user let a client in, which gets a code to be exchanged for tokens:
/// <c>userapi.oauth_code_issued.v1</c>, first fact of the stream <c>oauthcode-…</c>.</summary>
/// <remarks>Shape: the stream is named after the SHA-256 of the code, which is not in the log. Units: ExpiresAtMs Unix
/// milliseconds.</remarks>
public sealed record OAuthCodeIssued(
    UserId UserId,
    string ClientId,
    string DeviceId,
    string Scope,
    string RedirectUri,
    string CodeChallenge,
    long ExpiresAtMs) : IFact;

/// <summary>A code was exchanged: <c>userapi.oauth_code_redeemed.v1</c>, stream <c>oauthcode-…</c>.</summary>
/// <remarks>Written before the session is there: a code lets in once at most, whatever breaks. GrantSha256 names the
/// session, so that it can be ended when the code comes again; that is written too, with IsRepeated.</remarks>
public sealed record OAuthCodeRedeemed(string GrantSha256, bool IsRepeated = false) : IFact;

/// <summary>A device without a browser asks to be let in: <c>userapi.oauth_device_requested.v1</c>, first fact of the
/// stream <c>oauthdevice-…</c>, which is named after the code that its user types.</summary>
/// <remarks>Units: ExpiresAtMs Unix milliseconds.</remarks>
public sealed record OAuthDeviceRequested(
    string ClientId, string DeviceId, string Scope, string DeviceCodeSha256, long ExpiresAtMs) : IFact;

/// <summary>A user typed the code and let the device in, or not: <c>userapi.oauth_device_decided.v1</c>, stream
/// <c>oauthdevice-…</c>.</summary>
public sealed record OAuthDeviceDecided(UserId UserId, bool IsAllowed) : IFact;

/// <summary>The device got its tokens: <c>userapi.oauth_device_redeemed.v1</c>, stream <c>oauthdevice-…</c>.</summary>
/// <remarks>Written before the session is there, like <see cref="OAuthCodeRedeemed"/>.</remarks>
public sealed record OAuthDeviceRedeemed(string GrantSha256) : IFact;

/// <summary>Whose account somebody's at an identity provider is: <c>userapi.upstream_linked.v1</c>, stream
/// <c>upstream-…</c>, named after provider and subject.</summary>
/// <remarks>It is an intention: it holds once the account's credentials say the same. The last one counts.</remarks>
public sealed record UpstreamLinked(string ProviderId, string Subject, UserId UserId) : IFact;
