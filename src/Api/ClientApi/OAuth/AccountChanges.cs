using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol.Errors;
using MediatR;

namespace Matrix.EventSourced.Api.ClientApi.OAuth;

/// <summary>What the forms of the account page do.</summary>
internal static class AccountChanges
{
    /// <summary>What comes next; or why it was refused, to be shown on the page again.</summary>
    public static async ValueTask<(MatrixResponse? Done, MatrixError? Error)> RunAsync(
        MatrixRequest request, BrowserSession session, string? action, FormFields form)
    {
        switch (action)
        {
            case null or AccountActions.Profile:
                return Then(request, await SaveProfileAsync(request, session, form), AccountActions.Profile);
            case AccountActions.DeviceDelete when request.Query("device_id") is { } deviceId:
                var (_, error) = await request.ExecuteAsync(
                    new EndSessions(Context(request, session), session.UserId, [deviceId]));
                return Then(request, error, AccountActions.DevicesList);
        }
        if (action is not (AccountActions.Password or AccountActions.Deactivate or AccountActions.CrossSigningReset))
            return (null, MatrixError.InvalidParam("There is nothing to do here."));
        if (session.PasswordHash is null && !session.IsFresh)
            return (request.GoToLogin(AccountPage.Path(action)), null);
        if (session.PasswordHash is not null)
        {
            var (_, wrong) = await request.Get<PasswordCheck>().VerifyAsync(
                session.UserId, form.Find("current") ?? string.Empty);
            if (wrong is not null)
                return (null, wrong.Status == 429 ? wrong : MatrixError.Forbidden("This is not your password."));
        }
        return action switch
        {
            AccountActions.Password => await ChangePasswordAsync(request, session, form),
            AccountActions.Deactivate => await DeactivateAsync(request, session, form),
            _ => (await AllowResetAsync(request, session), null),
        };
    }

    private static async ValueTask<MatrixError?> SaveProfileAsync(
        MatrixRequest request, BrowserSession session, FormFields form)
    {
        var name = form.Find("displayname")?.Trim() is { Length: > 0 } text
            ? RawJson.FromText($"\"{JsonEncodedText.Encode(text)}\"")
            : (RawJson?)null;
        var (_, error) = await request.ExecuteAsync<Unit>(new SetProfileField(
            Context(request, session), session.UserId, ProfileFields.DisplayName, name));
        if (error is null && form.Find("remove_avatar") is not null)
        {
            (_, error) = await request.ExecuteAsync<Unit>(new SetProfileField(
                Context(request, session), session.UserId, ProfileFields.AvatarUrl, Value: null));
        }
        return error;
    }

    private static async ValueTask<(MatrixResponse? Done, MatrixError? Error)> ChangePasswordAsync(
        MatrixRequest request, BrowserSession session, FormFields form)
    {
        var password = form.Find("new") ?? string.Empty;
        if (form.Find("again") != form.Find("new"))
            return (null, MatrixError.InvalidParam("The two passwords are not the same."));
        var (_, error) = await request.ExecuteAsync(new ChangePassword(
            Context(request, session),
            session.UserId,
            password,
            EndsOtherSessions: form.Find("end_sessions") is not null,
            OwnDeviceId: null));
        // Whoever else is logged in on these pages has to log in again.
        if (error is null)
            await request.BeginSessionAsync(session.UserId);
        return Then(request, error, AccountActions.Password);
    }

    private static async ValueTask<(MatrixResponse? Done, MatrixError? Error)> DeactivateAsync(
        MatrixRequest request, BrowserSession session, FormFields form)
    {
        if (form.Find("sure") is null)
            return (null, MatrixError.InvalidParam("Say that you are sure."));
        var (_, error) = await request.ExecuteAsync(new DeactivateAccount(Context(request, session), session.UserId));
        if (error is not null)
            return (null, error);
        request.EndSession();
        return (await request.ShowAsync(new HtmlPage(
            "The account is closed", Html.Of($"<p>{session.UserId.Value} is no more. You may close this page.</p>"))), null);
    }

    private static ValueTask<MatrixResponse> AllowResetAsync(MatrixRequest request, BrowserSession session)
    {
        request.Get<CrossSigningResets>().Allow(session.UserId);
        return request.ShowAsync(new HtmlPage(
            "Your identity may be reset",
            Html.Of(
                $"""
                <p>Go back to the app within {(int)CrossSigningResets.Lifetime.TotalMinutes} minutes and go on there. You may
                close this page.</p>
                """)));
    }

    private static (MatrixResponse? Done, MatrixError? Error) Then(
        MatrixRequest request, MatrixError? error, string action) => error is null
            ? (request.GoTo(AccountPage.Path(action) + "&saved=1"), null)
            : (null, error);

    private static Commands.Messaging.CommandContext Context(MatrixRequest request, BrowserSession session) =>
        request.CommandContext(new FactActor(User: session.UserId.Value));
}
