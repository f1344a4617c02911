using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Api.ClientApi.OAuth;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.Commands.UserApi.InteractiveAuth;
using Matrix.EventSourced.Commands.UserApi.Upstream;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Federation.IdentityProviders;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Api.ClientApi.Sso;

/// <summary>To an identity provider, and back.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #handling-the-callback-from-the-authentication-server. Who comes back must be who
/// left:
/// the state is used once, and belongs to the browser's cookie.
/// </remarks>
internal static partial class UpstreamPages
{
    private static readonly EndpointSpec StartSpec =
        PageRequests.Page("GET", OAuthPaths.Upstream + "{idpId}", "sso-start");
    private static readonly EndpointSpec CallbackSpec = PageRequests.Page("GET", OAuthPaths.Callback, "sso-callback");
    private static readonly EndpointSpec NameSpec = PageRequests.Page("GET", OAuthPaths.UpstreamName, "sso-name");
    private static readonly EndpointSpec NamePostSpec =
        PageRequests.Page("POST", OAuthPaths.UpstreamName, "sso-name", RateClass.Registration);

    private static readonly MatrixError UnknownProvider = MatrixError.NotFound("There is no such identity provider.");
    private static readonly MatrixError UnknownLogin = new(
        400, ErrCodes.Unknown, "This login is not known, was finished or took too long. Begin it again.");
    private static readonly MatrixError ProviderFailed = new(
        502, ErrCodes.Unknown, "The identity provider did not say who you are. Try again, or ask the administrator.");
    private static readonly MatrixError NotYours = MatrixError.Forbidden(
        "You logged in as somebody whose account this is not. Nothing was allowed.");

    public static void Map(EndpointTable table)
    {
        table.Add(StartSpec, StartAsync);
        table.Add(CallbackSpec, ComeBackAsync);
        table.Add(NameSpec, request => ShowNameAsync(request, null));
        table.Add(NamePostSpec, ChooseNameAsync);
    }

    /// <summary>A way to each provider, for pages on which people log in.</summary>
    public static Html Buttons(MatrixRequest request, string next)
    {
        var providers = request.Get<IdentityProviders>().All;
        return providers.IsEmpty ? Html.Empty : Html.Of(
            $"""
            <p class="or">or</p>
            {Html.Join(providers.Select(one => Button(request, one, $"next={Uri.EscapeDataString(next)}")))}
            """);
    }

    public static Html Button(MatrixRequest request, IdentityProvider provider, string query) => Html.Of(
        $"""
        <a class="button second" href="{OAuthPaths.Relative(request, OAuthPaths.Upstream + provider.Id)}?{query}">Continue
        with {provider.Name}</a>
        """);

    private static async ValueTask<MatrixResponse> StartAsync(MatrixRequest request)
    {
        if (request.Get<IdentityProviders>().Find(request.Path("idpId")) is not { } provider)
            return UnknownProvider;
        var uiaSession = request.Query("uia");
        if (uiaSession is not null
            && !request.Get<InteractiveSessions>().WaitsFor(uiaSession, InteractiveFlows.Sso))
            return UnknownLogin;
        var logins = request.Get<UpstreamLogins>();
        var (nonce, verifier) = (logins.Secret(), logins.Secret());
        var state = logins.Begin(new PendingLogin(
            provider.Id,
            request.Browser(),
            nonce,
            verifier,
            uiaSession is null ? OAuthPaths.Next(request.Query("next")) : null,
            uiaSession));
        var challenge = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(verifier)));
        var (address, problem) = await request.Get<OidcClient>().AuthorizationAddressAsync(
            provider, RedirectUri(request), state, nonce, challenge, asksAgain: uiaSession is not null);
        if (address is not null)
            return request.RedirectTo(address, 302);
        Log(request, provider, problem!);
        return ProviderFailed;
    }

    private static async ValueTask<MatrixResponse> ComeBackAsync(MatrixRequest request)
    {
        if (request.ReadQuery(out var query) is not null)
            return UnknownLogin;
        if (request.Get<UpstreamLogins>().Take(query.Find("state"), request.Browser()) is not { } login
            || request.Get<IdentityProviders>().Find(login.ProviderId) is not { } provider)
            return UnknownLogin;
        // RFC 9207: an answer that another provider made is no answer.
        if (query.Find("iss") is { } issuer && provider.Issuer is not null && issuer != provider.Issuer)
            return UnknownLogin;
        if (query.Find("error") is { } error)
        {
            Log(request, provider, $"it came back with {error}");
            return error == "access_denied"
                ? MatrixError.Forbidden("The identity provider was not allowed to say who you are.")
                : ProviderFailed;
        }
        if (query.Find("code") is not { } code)
            return UnknownLogin;
        var (identity, problem) = await request.Get<OidcClient>().RedeemAsync(
            provider, code, RedirectUri(request), login.Verifier, login.Nonce);
        if (identity is null)
        {
            Log(request, provider, problem!);
            return ProviderFailed;
        }
        return login.UiaSession is { } session
            ? await AuthenticateAsync(request, provider, identity, session)
            : await LogInAsync(request, provider, identity, login.Next!);
    }

    /// <summary>Spec: v1.19 client-server-api #sso-during-user-interactive-authentication.</summary>
    private static async ValueTask<MatrixResponse> AuthenticateAsync(
        MatrixRequest request, IdentityProvider provider, UpstreamIdentity identity, string session)
    {
        var link = new UpstreamLink(provider.Id, identity.Subject);
        if (await request.Get<UpstreamAccounts>().FindAsync(link) is not { } userId)
            return NotYours;
        if (request.Get<InteractiveSessions>().CompleteFor(session, InteractiveFlows.Sso, userId) is { } problem)
            return problem.Status == 403 ? NotYours : UnknownLogin;
        return await request.ShowAsync(new HtmlPage(
            "Done", new Html("<p>Go back to the app; you may close this page.</p>"), Script: SsoStage.DoneScript));
    }

    private static async ValueTask<MatrixResponse> LogInAsync(
        MatrixRequest request, IdentityProvider provider, UpstreamIdentity identity, string next)
    {
        var link = new UpstreamLink(provider.Id, identity.Subject);
        var server = request.Get<HomeserverConfig>().ServerName;
        var suggestion = Localpart(identity.Localpart);
        UserId? wanted = suggestion is not null && Usernames.TryDesired(suggestion, server, out var desired) is null
            ? desired
            : null;
        // Names that belong to a bridge are given to nobody; that one is taken the command says.
        if (wanted is { } name && (await request.Get<NameAvailability>().CheckAsync(
            name.Localpart.ToString(), server, request.ClientGone)).Error is { ErrCode: ErrCodes.Exclusive })
            wanted = null;
        var (userId, error) = await request.ExecuteAsync(new LogInUpstream(
            request.CommandContext(wanted is null ? null : new FactActor(User: wanted.Value.Value)),
            link,
            wanted,
            provider.TakesExistingUsers,
            provider.RegistersUsers));
        if (error is null)
            return await EnterAsync(request, userId, identity.DisplayName, next);
        if (!provider.RegistersUsers || error.ErrCode is not (ErrCodes.UserInUse or ErrCodes.MissingParam))
            return error;
        var secret = request.Get<UpstreamLogins>().Begin(
            new PendingName(link, request.Browser(), next, suggestion, identity.DisplayName));
        return request.RedirectTo(NameAddress(request, secret));
    }

    private static string NameAddress(MatrixRequest request, string secret) =>
        $"{OAuthPaths.Relative(request, OAuthPaths.UpstreamName)}?login={Uri.EscapeDataString(secret)}";

    private static ValueTask<MatrixResponse> ShowNameAsync(
        MatrixRequest request, MatrixError? error, string? typed = null) =>
        request.Get<UpstreamLogins>().FindName(request.Query("login"), request.Browser()) is not { } pending
            ? new(UnknownLogin)
            : request.ShowAsync(new HtmlPage(
                "Choose your user name",
                Html.Of(
                    $"""
                    {LoginForms.Problem(error)}
                    <p>By this name others find you on this server. It cannot be changed later.</p>
                    <form method="post" action="{NameAddress(request, request.Query("login")!)}">{request.FormToken()}
                    <label for="user">User name</label>
                    <input type="text" id="user" name="user" value="{typed ?? pending.Suggestion}" autocomplete="username"
                      autocapitalize="none" spellcheck="false" required autofocus>
                    <button>Create the account</button></form>
                    """),
                error?.Status ?? 200));

    private static async ValueTask<MatrixResponse> ChooseNameAsync(MatrixRequest request)
    {
        var (form, error) = await request.ReadPageFormAsync();
        if (error is not null)
            return error;
        var logins = request.Get<UpstreamLogins>();
        var secret = request.Query("login");
        if (logins.FindName(secret, request.Browser()) is not { } pending
            || request.Get<IdentityProviders>().Find(pending.Link.ProviderId) is not { RegistersUsers: true })
            return UnknownLogin;
        var typed = (form.Find("user") ?? string.Empty).Trim();
        (var wanted, error) = await request.Get<NameAvailability>().CheckAsync(
            typed, request.Get<HomeserverConfig>().ServerName, request.ClientGone);
        UserId userId = default;
        if (error is null)
        {
            (userId, error) = await request.ExecuteAsync(new LogInUpstream(
                request.CommandContext(new FactActor(User: wanted.Value)),
                pending.Link,
                wanted,
                TakesExisting: false,
                Registers: true));
        }
        if (error is not null)
            return await ShowNameAsync(request, error, typed);
        logins.End(secret);
        return await EnterAsync(request, userId, pending.DisplayName, pending.Next);
    }

    /// <summary>Somebody new gets the display name that their provider knows; who has one keeps it.</summary>
    private static async ValueTask<MatrixResponse> EnterAsync(
        MatrixRequest request, UserId userId, string? displayName, string next)
    {
        var account = (await request.Get<Commands.Messaging.AggregateStore<AccountState>>()
            .LoadAsync(UserStreams.Account(userId))).State;
        if (displayName is { Length: > 0 } && !displayName.Contains('\0') && account.Profile.IsEmpty
            && account.Devices.IsEmpty)
        {
            await request.ExecuteAsync<Unit>(new SetProfileField(
                request.CommandContext(new FactActor(User: userId.Value)),
                userId,
                ProfileFields.DisplayName,
                RawJson.FromText($"\"{JsonEncodedText.Encode(displayName)}\"")));
        }
        await request.BeginSessionAsync(userId);
        return request.GoTo(next);
    }

    /// <summary>What of a provider's name for somebody can stand in a user id: of an address, what is before the @.
    /// </summary>
    /// <remarks>Spec: v1.19 appendices #mapping-from-other-character-sets.</remarks>
    internal static string? Localpart(string? text)
    {
        if (text is null)
            return null;
        var at = text.IndexOf('@', StringComparison.Ordinal);
        var name = (at > 0 ? text[..at] : text).ToLowerInvariant();
        var mapped = new StringBuilder();
        foreach (var one in Encoding.UTF8.GetBytes(name))
        {
            var character = (char)one;
            if (char.IsAsciiLetterLower(character) || char.IsAsciiDigit(character) || character is '.' or '_' or '-')
                mapped.Append(character);
            else
                mapped.Append(System.Globalization.CultureInfo.InvariantCulture, $"={one:x2}");
        }
        return mapped.Length is > 0 and <= 200 ? mapped.ToString() : null;
    }

    private static string RedirectUri(MatrixRequest request) => OAuthPaths.Absolute(request, OAuthPaths.Callback);

    private static void Log(MatrixRequest request, IdentityProvider provider, string problem) =>
        LogProblem(request.Get<ILoggerFactory>().CreateLogger(typeof(UpstreamPages)), provider.Id, problem);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Identity provider {provider}: {problem}")]
    private static partial void LogProblem(ILogger logger, string provider, string problem);
}
