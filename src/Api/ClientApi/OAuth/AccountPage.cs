using System.Globalization;
using Matrix.EventSourced.Api.ClientApi.Account;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.Commands.UserApi.Credentials;
using Matrix.EventSourced.Commands.UserApi.OAuth;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.OAuth;

/// <summary>Where users look after their account: profile, devices, password, the end of it.</summary>
/// <remarks>Spec: v1.19 client-server-api #oauth-20-account-management.</remarks>
internal static class AccountPage
{
    private static readonly EndpointSpec GetSpec =
        PageRequests.Page("GET", OAuthPaths.Account, "oauth-account", RateClass.Read);
    private static readonly EndpointSpec PostSpec = PageRequests.Page("POST", OAuthPaths.Account, "oauth-account");

    public static void Map(EndpointTable table)
    {
        table.Add(GetSpec, OAuthPaths.WhenOn(GetAsync));
        table.Add(PostSpec, OAuthPaths.WhenOn(PostAsync));
    }

    private static async ValueTask<MatrixResponse> GetAsync(MatrixRequest request) =>
        await request.FindSessionAsync() is { } session
            ? await ShowAsync(request, session, AccountActions.Of(request.Query("action")), null)
            : request.GoToLogin(request.Here());

    private static async ValueTask<MatrixResponse> PostAsync(MatrixRequest request)
    {
        var (form, error) = await request.ReadPageFormAsync();
        if (error is not null)
            return error;
        if (await request.FindSessionAsync() is not { } session)
            return request.GoToLogin(request.Here());
        var action = AccountActions.Of(request.Query("action"));
        var (done, refusal) = await AccountChanges.RunAsync(request, session, action, form);
        return done ?? await ShowAsync(request, session, action, refusal);
    }

    /// <summary>An action that is none shows the beginning.</summary>
    private static ValueTask<MatrixResponse> ShowAsync(
        MatrixRequest request, BrowserSession session, string? action, MatrixError? error) => action switch
        {
            AccountActions.DevicesList => ShowDevicesAsync(request, session, error),
            AccountActions.DeviceView or AccountActions.DeviceDelete when request.Query("device_id") is { } deviceId =>
                ShowDeviceAsync(request, session, deviceId, error),
            AccountActions.DeviceView or AccountActions.DeviceDelete => ShowDevicesAsync(request, session, error),
            AccountActions.Password => ShowPasswordAsync(request, session, error),
            AccountActions.Deactivate => ShowDeactivateAsync(request, session, error),
            AccountActions.CrossSigningReset => ShowResetAsync(request, session, error),
            _ => ShowProfileAsync(request, session, error),
        };

    private static async ValueTask<MatrixResponse> ShowProfileAsync(
        MatrixRequest request, BrowserSession session, MatrixError? error)
    {
        var queries = await request.ReadAsync<IProfileQueries>();
        var profile = await queries.FindAsync(session.UserId, request.ClientGone) ?? Profile.Empty;
        var picture = profile.AvatarUrl is null ? Html.Empty : new Html(
            """
            <label class="check"><input type="checkbox" name="remove_avatar" value="1"> Remove my picture</label>
            """);
        return await FrameAsync(request, session, "Profile", error, Html.Of(
            $"""
            {Form(request, AccountActions.Profile)}
            <label for="displayname">Display name</label>
            <input type="text" id="displayname" name="displayname" value="{profile.DisplayName}" autocomplete="name">
            {picture}<button>Save</button></form>
            <p class="soft">A new picture is chosen in a client.</p>
            """));
    }

    private static async ValueTask<MatrixResponse> ShowDevicesAsync(
        MatrixRequest request, BrowserSession session, MatrixError? error)
    {
        var queries = await request.ReadAsync<IDeviceQueries>();
        var devices = await queries.AllAsync(session.UserId, request.ClientGone);
        var uses = await request.FindSightingsAsync(session.UserId, devices);
        var rows = devices.Select(device => Html.Of(
            $"""
            <li><a href="{Address(request, AccountActions.DeviceView, device.DeviceId)}">{device.DisplayName ?? device.DeviceId}</a>
            <span class="soft"><code>{device.DeviceId}</code>{LastUse(uses.GetValueOrDefault(device.DeviceId))}</span></li>
            """));
        return await FrameAsync(request, session, "Devices", error, devices.Count == 0
            ? new Html("<p>No device is logged in.</p>")
            : Html.Of($"""<ul class="list">{Html.Join(rows)}</ul>"""));
    }

    private static async ValueTask<MatrixResponse> ShowDeviceAsync(
        MatrixRequest request, BrowserSession session, string deviceId, MatrixError? error)
    {
        var queries = await request.ReadAsync<IDeviceQueries>();
        if (await queries.FindAsync(session.UserId, deviceId, request.ClientGone) is not { } device)
            return await ShowDevicesAsync(
                request, session, error ?? MatrixError.NotFound("You have no such device (any more)."));
        var state = (await request.Get<AggregateStore<CredentialsState>>()
            .LoadAsync(UserStreams.Credentials(session.UserId))).State;
        var token = state.Tokens.FirstOrDefault(one => one.DeviceId == deviceId);
        var client = token?.ClientId is { } clientId
            ? await request.Get<OAuthClients>().FindAsync(clientId, request.ClientGone)
            : null;
        var app = client is null ? Html.Empty
            : Html.Of($"<dt>App</dt><dd>{client.DisplayName} ({client.Host})</dd>");
        var renewed = token is null ? Html.Empty : Html.Of($"<dt>Its key was last renewed</dt><dd>{Day(token.IssuedAtMs)}</dd>");
        var uses = await request.FindSightingsAsync(session.UserId, [device]);
        return await FrameAsync(request, session, device.DisplayName ?? device.DeviceId, error, Html.Of(
            $"""
            <dl><dt>Device</dt><dd><code>{device.DeviceId}</code></dd>{app}{Uses(uses.GetValueOrDefault(deviceId))}{renewed}</dl>
            {Form(request, AccountActions.DeviceDelete, deviceId)}
            <p>Whoever uses it is logged out. Encrypted messages that only this device can read are lost with it.</p>
            <button class="bad">Log this device out</button></form>
            <p><a href="{Address(request, AccountActions.DevicesList)}">All devices</a></p>
            """));
    }

    private static Html LastUse(DeviceSighting? seen) =>
        seen is null ? Html.Empty : Html.Of($", last used {Day(seen.SeenAtMs)}");

    private static Html Uses(DeviceSighting? seen) => seen is null ? Html.Empty : Html.Of(
        $"""
        <dt>Last used</dt><dd>{Day(seen.SeenAtMs)}</dd><dt>From</dt><dd>{seen.Address}</dd>
        <dt>With</dt><dd>{seen.UserAgent ?? "a program that does not say its name"}</dd>
        """);

    private static ValueTask<MatrixResponse> ShowPasswordAsync(
        MatrixRequest request, BrowserSession session, MatrixError? error) =>
        FrameAsync(request, session, "Password", error, Html.Of(
            $"""
            {Form(request, AccountActions.Password)}{Confirmation(session)}
            <label for="new">New password</label>
            <input type="password" id="new" name="new" autocomplete="new-password" required>
            <label for="again">The same again</label>
            <input type="password" id="again" name="again" autocomplete="new-password" required>
            <label class="check"><input type="checkbox" name="end_sessions" value="1"> Log all my devices out</label>
            <button>Change it</button></form>
            """));

    private static ValueTask<MatrixResponse> ShowDeactivateAsync(
        MatrixRequest request, BrowserSession session, MatrixError? error) =>
        FrameAsync(request, session, "Close the account", error, Html.Of(
            $"""
            <p>This cannot be taken back. All devices are logged out, nobody can log in again, and nobody else can ever have
            the name <strong>{session.UserId.Value}</strong>.</p>
            {Form(request, AccountActions.Deactivate)}{Confirmation(session)}
            <label class="check"><input type="checkbox" name="sure" value="1" required> I am sure</label>
            <button class="bad">Close my account for good</button></form>
            """));

    private static ValueTask<MatrixResponse> ShowResetAsync(
        MatrixRequest request, BrowserSession session, MatrixError? error) =>
        FrameAsync(request, session, "Reset your identity", error, Html.Of(
            $"""
            <p>An app wants to replace the keys by which others know that a device is yours. Everybody has to verify you again,
            and you your devices. Go on only if you have begun this yourself, because you lost all of them.</p>
            {Form(request, AccountActions.CrossSigningReset)}{Confirmation(session)}
            <button class="bad">Allow it</button></form>
            """));

    private static ValueTask<MatrixResponse> FrameAsync(
        MatrixRequest request, BrowserSession session, string title, MatrixError? error, Html content) =>
        request.ShowAsync(new HtmlPage(
            title,
            Html.Of(
                $"""
                <nav aria-label="Account"><ul>
                <li><a href="{Address(request, AccountActions.Profile)}">Profile</a></li>
                <li><a href="{Address(request, AccountActions.DevicesList)}">Devices</a></li>
                <li><a href="{Address(request, AccountActions.Password)}">Password</a></li>
                <li><a href="{Address(request, AccountActions.Deactivate)}">Close account</a></li></ul></nav>
                {LoginForms.Problem(error)}{Saved(request, error)}{content}
                {LoginForms.SignedInAs(request, session.UserId, OAuthPaths.Account)}
                """),
            error?.Status ?? 200));

    private static Html Saved(MatrixRequest request, MatrixError? error) =>
        error is null && request.Query("saved") == "1" ? new Html("""<p role="status">Saved.</p>""") : Html.Empty;

    /// <summary>Who has a password shows it again; anybody else must have logged in just now.</summary>
    private static Html Confirmation(BrowserSession session) => session.PasswordHash is null ? Html.Empty : new Html(
        """
        <label for="current">Your password</label>
        <input type="password" id="current" name="current" autocomplete="current-password" required>
        """);

    private static Html Form(MatrixRequest request, string action, string? deviceId = null) =>
        Html.Of($"""<form method="post" action="{Address(request, action, deviceId)}">{request.FormToken()}""");

    internal static string Address(MatrixRequest request, string action, string? deviceId = null) =>
        OAuthPaths.Relative(request, Path(action, deviceId));

    internal static string Path(string action, string? deviceId = null) =>
        $"{OAuthPaths.Account}?action={action}"
        + (deviceId is null ? string.Empty : $"&device_id={Uri.EscapeDataString(deviceId)}");

    private static string Day(long ms) => DateTimeOffset.FromUnixTimeMilliseconds(ms)
        .ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture);
}
