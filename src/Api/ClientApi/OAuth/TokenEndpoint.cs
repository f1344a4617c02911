using Matrix.EventSourced.Api.ClientApi.Account;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Commands.UserApi.OAuth;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.OAuth;

/// <summary>Codes and refresh tokens for access tokens.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #grant-types. What is exchanged here nobody can guess, so it is limited as sending is:
/// a device asks every five seconds.
/// </remarks>
internal static class TokenEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "POST", OAuthPaths.Token, AuthKind.None, RateClass.Message, "none#oauth-token")
    {
        BodyBytesMax = OAuthForms.BytesMax,
    };

    public static void Map(EndpointTable table) =>
        table.Add(Spec, OAuthPaths.WhenOn(OAuthForms.NotStored(HandleAsync)));

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (form, error) = await request.ReadFormAsync();
        if (error is not null)
            return OAuthForms.Refuse(error);
        var grantType = form.Find("grant_type");
        if (grantType is null)
            return OAuthForms.Refuse(OAuthErrors.InvalidRequest("grant_type is missing."));
        if (form.Find("client_id") is not { } clientId)
            return OAuthForms.Refuse(OAuthErrors.InvalidRequest("client_id is missing."));
        if (await request.Get<OAuthClients>().FindAsync(clientId, request.ClientGone) is not { } client)
            return OAuthForms.Refuse(OAuthErrors.InvalidClient);
        var (session, refusal) = grantType switch
        {
            ClientMetadata.AuthorizationCode => await RedeemCodeAsync(request, form, clientId),
            ClientMetadata.RefreshToken => await RefreshAsync(request, form, clientId),
            ClientMetadata.DeviceCode => await RedeemDeviceAsync(request, form, clientId, client),
            _ => (null, OAuthErrors.UnsupportedGrantType),
        };
        if (session is not null)
        {
            request.NoteUse(session.UserId, session.Tokens.Stored.DeviceId);
            return Answer(session);
        }
        // What is refused may have ended a session: its tokens work no more once the client hears of it.
        await request.ReadAsync<ITokenQueries>();
        return OAuthForms.Refuse(refusal!);
    }

    private static ValueTask<(OAuthSession? Session, MatrixError? Error)> RedeemCodeAsync(
        MatrixRequest request, FormFields form, string clientId) =>
        form.Find("code") is not { } code ? Missing("code")
        : form.Find("redirect_uri") is not { } redirectUri ? Missing("redirect_uri")
        : form.Find("code_verifier") is not { } verifier ? Missing("code_verifier")
        : request.ExecuteAsync(new RedeemAuthorizationCode(
            request.CommandContext(), code, clientId, redirectUri, verifier));

    private static async ValueTask<(OAuthSession? Session, MatrixError? Error)> RefreshAsync(
        MatrixRequest request, FormFields form, string clientId)
    {
        if (form.Find("refresh_token") is not { } token)
            return await Missing("refresh_token");
        if (OAuthGrant.Of(token, clientId) is not { } grant)
            return (null, OAuthErrors.InvalidGrant);
        var queries = await request.ReadAsync<ITokenQueries>();
        if (await queries.FindByGrantAsync(grant.Sha256, request.ClientGone) is not var (userId, deviceId))
            return (null, OAuthErrors.InvalidGrant);
        var (tokens, error) = await request.ExecuteAsync(new RefreshOAuthSession(
            request.CommandContext(new FactActor(User: userId.Value, Device: deviceId)),
            userId,
            grant,
            AccessTokens.Hash(token)));
        return tokens is null
            ? (null, error)
            : (new OAuthSession(userId, tokens, $"urn:matrix:client:api:* urn:matrix:client:device:{deviceId}"), null);
    }

    /// <summary>Spec: v1.19 client-server-api #device-authorisation-flow.</summary>
    private static async ValueTask<(OAuthSession? Session, MatrixError? Error)> RedeemDeviceAsync(
        MatrixRequest request, FormFields form, string clientId, ClientMetadata client)
    {
        if (form.Find("device_code") is not { } deviceCode)
            return await Missing("device_code");
        if (!client.GrantTypes.Contains(ClientMetadata.DeviceCode))
            return (null, OAuthErrors.UnauthorizedClient);
        var (session, error) = await request.ExecuteAsync(
            new RedeemDeviceGrant(request.CommandContext(), deviceCode, clientId));
        if (error?.ErrCode == OAuthErrors.AuthorizationPending.ErrCode
            && request.Get<DevicePolls>().IsTooSoon(AccessTokens.Hash(deviceCode)))
            error = OAuthErrors.SlowDown;
        return (session, error);
    }

    private static ValueTask<(OAuthSession? Session, MatrixError? Error)> Missing(string name) =>
        new((null, OAuthErrors.InvalidRequest($"{name} is missing.")));

    private static MatrixResponse Answer(OAuthSession session) => new MatrixResponse.Json(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("access_token"u8, session.Tokens.AccessToken);
        writer.WriteString("token_type"u8, "Bearer"u8);
        writer.WriteNumber("expires_in"u8, session.Tokens.ExpiresInMs!.Value / 1000);
        writer.WriteString("refresh_token"u8, session.Tokens.RefreshToken);
        writer.WriteString("scope"u8, session.Scope);
        writer.WriteEndObject();
    });
}

/// <summary>When devices asked last, so that those who ask too often are told so.</summary>
/// <remarks>In memory: after a restart nobody has asked yet. LIMIT: <see cref="DevicesMax"/>.</remarks>
internal sealed class DevicePolls(TimeProvider time)
{
    private const int DevicesMax = 10_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, long> _lastAskedMs = new(StringComparer.Ordinal);

    public bool IsTooSoon(string deviceCodeSha256)
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        lock (_lock)
        {
            if (_lastAskedMs.Count >= DevicesMax)
                _lastAskedMs.Clear();
            var isTooSoon = _lastAskedMs.TryGetValue(deviceCodeSha256, out var before)
                && now - before < (long)DeviceCodes.Interval.TotalMilliseconds;
            _lastAskedMs[deviceCodeSha256] = now;
            return isTooSoon;
        }
    }
}
