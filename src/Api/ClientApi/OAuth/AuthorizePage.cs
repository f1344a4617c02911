using Matrix.EventSourced.Api.ClientApi.Account;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Commands.UserApi.OAuth;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.OAuth;

/// <summary>Asks a user whether a client may have their account, and sends it a code.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #authorisation-code-flow. The request stands in the address of the page and is read
/// again with every step: nothing of it is kept meanwhile.
/// </remarks>
internal static class AuthorizePage
{
    private static readonly EndpointSpec GetSpec =
        PageRequests.Page("GET", OAuthPaths.Authorize, "oauth-authorize", RateClass.Read);
    private static readonly EndpointSpec PostSpec = PageRequests.Page("POST", OAuthPaths.Authorize, "oauth-authorize");

    public static void Map(EndpointTable table)
    {
        table.Add(GetSpec, OAuthPaths.WhenOn(ShowAsync));
        table.Add(PostSpec, OAuthPaths.WhenOn(DecideAsync));
    }

    private static async ValueTask<MatrixResponse> ShowAsync(MatrixRequest request)
    {
        var (wish, error) = await AuthorizationRequest.ReadAsync(request);
        if (wish is null)
            return error!;
        if (error is not null)
            return wish.Refuse(request, error);
        var session = await request.FindSessionAsync();
        if (wish.Prompts.Contains("none"))
            return wish.Refuse(request, new MatrixError(
                400, session is null ? "login_required" : "consent_required", "The user has to be asked."));
        // Spec: v1.19 client-server-api #user-registration. Once somebody has registered they are asked for consent.
        if (wish.Prompts.Contains("create"))
        {
            return request.Get<RegistrationPolicy>().Mode == RegistrationOpenness.Closed
                ? request.GoToLogin(WithoutPrompt(request))
                : request.GoTo($"{OAuthPaths.Register}?next={Uri.EscapeDataString(WithoutPrompt(request))}");
        }
        if (session is null)
            return request.GoToLogin(request.Here());
        return wish.Prompts.Contains("login") && !session.IsFresh
            ? request.GoToLogin(request.Here())
            : await AskAsync(request, wish, session);
    }

    private static async ValueTask<MatrixResponse> AskAsync(
        MatrixRequest request, AuthorizationRequest wish, BrowserSession session)
    {
        var client = wish.Client;
        return await request.ShowAsync(new HtmlPage(
            $"Allow {client.DisplayName} access?",
            Html.Of(
                $"""
                <p><strong>{client.DisplayName}</strong> (<a href="{client.ClientUri}" rel="noreferrer">{client.Host}</a>)
                wants to use your account: read and send messages, see your rooms and your profile, and change them.</p>
                <dl><dt>Account</dt><dd>{session.UserId.Value}</dd>
                <dt>Device</dt><dd><code>{wish.Scope.DeviceId}</code></dd>
                <dt>You go on to</dt><dd>{Destination(wish.RedirectUri)}</dd></dl>
                {await DeviceNoteAsync(request, session, wish.Scope.DeviceId)}
                <p class="soft">Allow it only if you have just begun to log in there.{Documents(client)}</p>
                <form method="post" action="{OAuthPaths.Relative(request, request.Here())}">{request.FormToken()}
                <input type="hidden" name="user" value="{session.UserId.Value}">
                <button name="decision" value="allow">Allow</button>
                <button name="decision" value="deny" class="second">Cancel</button></form>
                {LoginForms.SignedInAs(request, session.UserId, request.Here())}
                """),
            FormTarget: wish.FormTarget()));
    }

    private static async ValueTask<MatrixResponse> DecideAsync(MatrixRequest request)
    {
        var (wish, error) = await AuthorizationRequest.ReadAsync(request);
        if (wish is null)
            return error!;
        if (error is not null)
            return wish.Refuse(request, error);
        var (form, problem) = await request.ReadPageFormAsync();
        if (problem is not null)
            return problem;
        var session = await request.FindSessionAsync();
        // Somebody else may have logged in meanwhile, in another tab.
        if (session is null || form.Find("user") != session.UserId.Value)
            return request.GoToLogin(request.Here());
        if (form.Find("decision") != "allow")
            return wish.Refuse(request, OAuthErrors.AccessDenied);
        var (code, refusal) = await request.ExecuteAsync(new IssueAuthorizationCode(
            request.CommandContext(new FactActor(User: session.UserId.Value)),
            session.UserId,
            wish.ClientId,
            wish.Scope,
            wish.RedirectUri,
            wish.CodeChallenge));
        return code is null
            ? wish.Refuse(request, refusal!)
            : request.RedirectTo(wish.Callback(request, ("code", code)));
    }

    /// <summary>Spec: v1.19 client-server-api #relationship-between-access-tokens-and-devices.</summary>
    internal static async ValueTask<Html> DeviceNoteAsync(
        MatrixRequest request, BrowserSession session, string deviceId)
    {
        var queries = await request.ReadAsync<IDeviceQueries>();
        return await queries.FindAsync(session.UserId, deviceId, request.ClientGone) is { } known
            ? Html.Of(
                $"""
                <p><strong>You have this device already</strong> ({known.DisplayName ?? "without a name"}):
                its session ends, and the new one takes its place.</p>
                """)
            : Html.Empty;
    }

    internal static Html Documents(ClientMetadata client) => Html.Join(
        new[] { ("Terms of service", client.TosUri), ("Privacy policy", client.PolicyUri) }
            .Where(one => one.Item2 is not null)
            .Select(one => Html.Of($""" <a href="{one.Item2}" rel="noreferrer">{one.Item1}</a>""")));

    /// <summary>What of a redirect URI tells a person where it leads.</summary>
    private static string Destination(string redirectUri) =>
        redirectUri.StartsWith("http", StringComparison.Ordinal) && redirectUri.Contains("://", StringComparison.Ordinal)
            ? new Uri(redirectUri).GetLeftPart(UriPartial.Authority)
            : $"an app on this device ({redirectUri[..redirectUri.IndexOf(':', StringComparison.Ordinal)]})";

    private static string WithoutPrompt(MatrixRequest request)
    {
        var query = (request.Http.Request.QueryString.Value ?? string.Empty).TrimStart('?').Split('&')
            .Where(part => !part.StartsWith("prompt=", StringComparison.Ordinal));
        return $"{OAuthPaths.Authorize}?{string.Join('&', query)}";
    }
}
