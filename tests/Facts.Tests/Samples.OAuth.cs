using Matrix.EventSourced.Facts.UserApi;

namespace Matrix.EventSourced.Facts.Tests;

/// <content>The OAuth API and identity providers.</content>
internal static partial class Samples
{
    private const string Scope = "urn:matrix:client:api:* urn:matrix:client:device:AAABBBCCCDDD";
    private const string Sha = "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg";

    private static CredentialsChanged CredentialsWithLinks()
    {
        var full = FullCredentials();
        return full with
        {
            AccessTokens = [full.AccessTokens[0] with { ClientId = "s6BhdRkqt3", GrantSha256 = Sha }, full.AccessTokens[1]],
            UpstreamLinks = [new UpstreamLink("example", "248289761001")],
        };
    }

    private static (string File, IFact Fact)[] OAuthSamples() =>
    [
        .. Pair(
            FactNames.OAuthClientRegistered,
            new OAuthClientRegistered("s6BhdRkqt3", RawJson.FromText("{\"client_uri\":\"https://example.com/\"}")),
            new OAuthClientRegistered("s6BhdRkqt3", RawJson.FromText("{}"))),
        .. Pair(
            FactNames.OAuthCodeIssued,
            new OAuthCodeIssued(
                Alice, "s6BhdRkqt3", "AAABBBCCCDDD", Scope, "https://app.example.com/callback", Sha, 1_767_225_660_000),
            new OAuthCodeIssued(Alice, "a", "b", Scope, "com.example:/", Sha, 1)),
        .. Pair(FactNames.OAuthCodeRedeemed, new OAuthCodeRedeemed(Sha, IsRepeated: true), new OAuthCodeRedeemed(Sha)),
        .. Pair(
            FactNames.OAuthDeviceRequested,
            new OAuthDeviceRequested("s6BhdRkqt3", "AAABBBCCCDDD", Scope, Sha, 1_767_227_400_000),
            new OAuthDeviceRequested("a", "b", Scope, Sha, 1)),
        .. Pair(
            FactNames.OAuthDeviceDecided,
            new OAuthDeviceDecided(Alice, IsAllowed: true),
            new OAuthDeviceDecided(Alice, IsAllowed: false)),
        .. Pair(FactNames.OAuthDeviceRedeemed, new OAuthDeviceRedeemed(Sha), new OAuthDeviceRedeemed(Sha)),
        .. Pair(
            FactNames.UpstreamLinked,
            new UpstreamLinked("example", "248289761001", Alice),
            new UpstreamLinked("example", "248289761001", Alice)),
    ];
}
