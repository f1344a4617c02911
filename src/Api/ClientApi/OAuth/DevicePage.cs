using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi.OAuth;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.OAuth;

/// <summary>Where a user types the code that a device shows, and lets it in.</summary>
/// <remarks>Spec: v1.19 client-server-api #device-authorisation-flow. Also with the code in the address, the user is
/// shown it, to be compared with what the device shows (RFC 8628, section 3.3.1).</remarks>
internal static class DevicePage
{
    private static readonly EndpointSpec GetSpec = PageRequests.Page("GET", OAuthPaths.Device, "oauth-device");
    private static readonly EndpointSpec PostSpec = PageRequests.Page("POST", OAuthPaths.Device, "oauth-device");

    private static readonly MatrixError Unknown =
        MatrixError.NotFound("No device waits under this code. Look again, or begin anew on the device.");

    public static void Map(EndpointTable table)
    {
        table.Add(GetSpec, OAuthPaths.WhenOn(ShowAsync));
        table.Add(PostSpec, OAuthPaths.WhenOn(DecideAsync));
    }

    private static async ValueTask<MatrixResponse> ShowAsync(MatrixRequest request)
    {
        var typed = request.Query("user_code");
        if (await request.FindSessionAsync() is not { } session)
            return request.GoToLogin(DeviceCodes.Typed(typed) is { } code
                ? $"{OAuthPaths.Device}?user_code={code}"
                : OAuthPaths.Device);
        if (typed is null)
            return await AskForCodeAsync(request, session, null);
        if (DeviceCodes.Typed(typed) is not { } userCode
            || await request.Get<DeviceGrants>().FindWaitingAsync(userCode, request.ReceivedAtMs, request.ClientGone)
                is not { } waiting
            || await request.Get<OAuthClients>().FindAsync(waiting.ClientId, request.ClientGone) is not { } client)
            return await AskForCodeAsync(request, session, Unknown);
        return await request.ShowAsync(new HtmlPage(
            $"Allow {client.DisplayName} access?",
            Html.Of(
                $"""
                <p>A device that shows this code wants to use your account. Is it yours, and in front of you?</p>
                <p class="code">{DeviceCodes.Shown(userCode)}</p>
                <dl><dt>App</dt><dd>{client.DisplayName} (<a href="{client.ClientUri}" rel="noreferrer">{client.Host}</a>)</dd>
                <dt>Account</dt><dd>{session.UserId.Value}</dd>
                <dt>Device</dt><dd><code>{waiting.DeviceId}</code></dd></dl>
                {await AuthorizePage.DeviceNoteAsync(request, session, waiting.DeviceId)}
                <p class="soft">It will read and send your messages. Cancel if somebody gave you the
                code.{AuthorizePage.Documents(client)}</p>
                <form method="post" action="{OAuthPaths.Relative(request, OAuthPaths.Device)}">{request.FormToken()}
                <input type="hidden" name="user_code" value="{userCode}">
                <input type="hidden" name="user" value="{session.UserId.Value}">
                <button name="decision" value="allow">Allow</button>
                <button name="decision" value="deny" class="second">Cancel</button></form>
                {LoginForms.SignedInAs(request, session.UserId, $"{OAuthPaths.Device}?user_code={userCode}")}
                """)));
    }

    private static ValueTask<MatrixResponse> AskForCodeAsync(
        MatrixRequest request, BrowserSession session, MatrixError? error) =>
        request.ShowAsync(new HtmlPage(
            "Connect a device",
            Html.Of(
                $"""
                {LoginForms.Problem(error)}
                <p>Type the code that your device shows.</p>
                <form method="get" action="{OAuthPaths.Relative(request, OAuthPaths.Device)}">
                <label for="code">Code</label>
                <input type="text" class="code" id="code" name="user_code" autocomplete="off" autocapitalize="characters"
                  spellcheck="false" maxlength="16" required autofocus>
                <button>Go on</button></form>
                {LoginForms.SignedInAs(request, session.UserId, OAuthPaths.Device)}
                """),
            error?.Status ?? 200));

    private static async ValueTask<MatrixResponse> DecideAsync(MatrixRequest request)
    {
        var (form, error) = await request.ReadPageFormAsync();
        if (error is not null)
            return error;
        if (DeviceCodes.Typed(form.Find("user_code")) is not { } userCode)
            return Unknown;
        if (await request.FindSessionAsync() is not { } session || form.Find("user") != session.UserId.Value)
            return request.GoToLogin($"{OAuthPaths.Device}?user_code={userCode}");
        var isAllowed = form.Find("decision") == "allow";
        (_, error) = await request.ExecuteAsync(new DecideDeviceGrant(
            request.CommandContext(new FactActor(User: session.UserId.Value)), userCode, session.UserId, isAllowed));
        return error is not null
            ? error
            : await request.ShowAsync(new HtmlPage(
                isAllowed ? "The device is connected" : "The device was refused",
                isAllowed
                    ? new Html("<p>Go on there; you may close this page.</p>")
                    : new Html("<p>It got nothing. You may close this page.</p>")));
    }
}
