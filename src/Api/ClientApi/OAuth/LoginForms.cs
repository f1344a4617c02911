using Matrix.EventSourced.Api.ClientApi.Account;
using Matrix.EventSourced.Api.ClientApi.Sso;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.OAuth;

/// <summary>The pages on which people log in and register, and leave.</summary>
/// <remarks>Ensures: they go on to pages of this server only (<see cref="OAuthPaths.Next"/>).</remarks>
internal static class LoginForms
{
    private static readonly EndpointSpec LoginSpec = PageRequests.Page("GET", OAuthPaths.Login, "oauth-login", RateClass.Read);
    private static readonly EndpointSpec LoginPostSpec = PageRequests.Page("POST", OAuthPaths.Login, "oauth-login");
    private static readonly EndpointSpec RegisterSpec =
        PageRequests.Page("GET", OAuthPaths.Register, "oauth-register", RateClass.Read);
    private static readonly EndpointSpec RegisterPostSpec =
        PageRequests.Page("POST", OAuthPaths.Register, "oauth-register", RateClass.Registration);
    private static readonly EndpointSpec LogoutSpec = PageRequests.Page("POST", OAuthPaths.Logout, "oauth-logout");

    private static readonly MatrixError Closed = MatrixError.Forbidden("Nobody can register on this server.");

    public static void Map(EndpointTable table)
    {
        table.Add(LoginSpec, WhenUsed(request => ShowLoginAsync(request, Next(request), null, null)));
        table.Add(LoginPostSpec, WhenUsed(LogInAsync));
        table.Add(RegisterSpec, WhenUsed(request => ShowRegisterAsync(request, Next(request), FormFields.None, null)));
        table.Add(RegisterPostSpec, WhenUsed(RegisterAsync));
        table.Add(LogoutSpec, WhenUsed(LogOutAsync));
    }

    /// <summary>They are there for the OAuth API, and for logging in through identity providers.</summary>
    private static MatrixHandler WhenUsed(MatrixHandler handler) => request =>
        OAuthPaths.IsOn(request) || !request.Get<IdentityProviders>().All.IsEmpty
            ? handler(request)
            : OAuthPaths.WhenOn(handler)(request);

    private static string Next(MatrixRequest request) => OAuthPaths.Next(request.Query("next"));

    private static ValueTask<MatrixResponse> ShowLoginAsync(
        MatrixRequest request, string next, string? user, MatrixError? error) =>
        request.ShowAsync(new HtmlPage(
            "Log in",
            Html.Of(
                $"""
                {Problem(error)}
                <form method="post" action="{Action(request, OAuthPaths.Login, next)}">{request.FormToken()}
                <label for="user">User name</label>
                <input type="text" id="user" name="user" value="{user}" autocomplete="username" autocapitalize="none"
                  spellcheck="false" required autofocus>
                <label for="password">Password</label>
                <input type="password" id="password" name="password" autocomplete="current-password" required>
                <button>Log in</button></form>
                {UpstreamPages.Buttons(request, next)}
                {RegisterLink(request, next)}
                """),
            error?.Status ?? 200));

    private static async ValueTask<MatrixResponse> LogInAsync(MatrixRequest request)
    {
        var next = Next(request);
        var (form, error) = await request.ReadPageFormAsync();
        if (error is not null)
            return await ShowLoginAsync(request, next, form.Find("user"), error);
        var (user, password) = (form.Find("user") ?? string.Empty, form.Find("password") ?? string.Empty);
        if (!Usernames.TryExisting(user.Trim(), request.Get<HomeserverConfig>().ServerName, out var userId))
            return await ShowLoginAsync(request, next, user, MatrixError.Forbidden("Invalid user name or password."));
        (_, error) = await request.Get<PasswordCheck>().VerifyAsync(userId, password);
        if (error is not null)
            return await ShowLoginAsync(request, next, user, error);
        await request.BeginSessionAsync(userId);
        return request.GoTo(next);
    }

    private static async ValueTask<MatrixResponse> ShowRegisterAsync(
        MatrixRequest request, string next, FormFields form, MatrixError? error)
    {
        var policy = request.Get<RegistrationPolicy>();
        if (policy.Mode == RegistrationOpenness.Closed)
            return Closed;
        var token = policy.Mode != RegistrationOpenness.Token ? Html.Empty : Html.Of(
            $"""
            <label for="token">Registration token</label>
            <input type="text" id="token" name="token" value="{form.Find("token")}" autocomplete="off" required>
            """);
        return await request.ShowAsync(new HtmlPage(
            "Create an account",
            Html.Of(
                $"""
                {Problem(error)}
                <form method="post" action="{Action(request, OAuthPaths.Register, next)}">{request.FormToken()}
                <label for="user">User name</label>
                <input type="text" id="user" name="user" value="{form.Find("user")}" autocomplete="username"
                  autocapitalize="none" spellcheck="false" required autofocus>
                <label for="password">Password</label>
                <input type="password" id="password" name="password" autocomplete="new-password" required>
                <label for="again">The same again</label>
                <input type="password" id="again" name="again" autocomplete="new-password" required>
                {token}
                <button>Create it</button></form>
                {UpstreamPages.Buttons(request, next)}
                <p class="soft">You have one? <a href="{Action(request, OAuthPaths.Login, next)}">Log in</a></p>
                """),
            error?.Status ?? 200));
    }

    private static async ValueTask<MatrixResponse> RegisterAsync(MatrixRequest request)
    {
        var next = Next(request);
        var (form, error) = await request.ReadPageFormAsync();
        if (error is not null)
            return await ShowRegisterAsync(request, next, form, error);
        var policy = request.Get<RegistrationPolicy>();
        if (policy.Mode == RegistrationOpenness.Closed)
            return Closed;
        (var userId, error) = await request.Get<NameAvailability>().CheckAsync(
            (form.Find("user") ?? string.Empty).Trim(), request.Get<HomeserverConfig>().ServerName, request.ClientGone);
        var password = form.Find("password") ?? string.Empty;
        error ??= PasswordCheck.FindProblem(password);
        if (error is null && form.Find("again") != password)
            error = MatrixError.InvalidParam("The two passwords are not the same.");
        if (error is null && policy.Mode == RegistrationOpenness.Token
            && !policy.AdmitsToken(form.Find("token") ?? string.Empty))
            error = new MatrixError(401, ErrCodes.Unauthorized, "This registration token is not valid.");
        if (error is null)
        {
            (_, error) = await request.ExecuteAsync(new RegisterAccount(
                request.CommandContext(new FactActor(User: userId.Value)),
                userId,
                AccountKind.User,
                IsAdmin: false,
                password,
                DeviceId: null,
                DeviceName: null,
                InhibitLogin: true));
        }
        if (error is not null)
            return await ShowRegisterAsync(request, next, form, error);
        await request.BeginSessionAsync(userId);
        return request.GoTo(next);
    }

    /// <summary>Leaves the pages; sessions of clients stay.</summary>
    private static async ValueTask<MatrixResponse> LogOutAsync(MatrixRequest request)
    {
        var (_, error) = await request.ReadPageFormAsync();
        if (error is not null)
            return error;
        request.EndSession();
        return request.GoToLogin(Next(request));
    }

    private static Html RegisterLink(MatrixRequest request, string next) =>
        request.Get<RegistrationPolicy>().Mode == RegistrationOpenness.Closed ? Html.Empty : Html.Of(
            $"""
            <p class="soft">New here? <a href="{Action(request, OAuthPaths.Register, next)}">Create an account</a></p>
            """);

    internal static string Action(MatrixRequest request, string path, string next) =>
        $"{OAuthPaths.Relative(request, path)}?next={Uri.EscapeDataString(next)}";

    internal static Html Problem(MatrixError? error) => error is null ? Html.Empty
        : Html.Of($"""<p class="error" role="alert">{error.Message}</p>""");

    /// <summary>Who is logged in, and a way out.</summary>
    internal static Html SignedInAs(MatrixRequest request, UserId userId, string next) => Html.Of(
        $"""
        <form method="post" action="{Action(request, OAuthPaths.Logout, next)}" class="soft">{request.FormToken()}
        You are logged in as <strong>{userId.Value}</strong>. <button class="link">Somebody else?</button></form>
        """);
}
