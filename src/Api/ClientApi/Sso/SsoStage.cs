using Matrix.EventSourced.Api.ClientApi.OAuth;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi.InteractiveAuth;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Sso;

/// <summary>The page on which a user says by single sign-on that a request is theirs.</summary>
/// <remarks>Spec: v1.19 client-server-api #sso-during-user-interactive-authentication. It says what is going on before
/// it leads to the provider, which may ask nothing.</remarks>
internal static class SsoStage
{
    /// <summary>Spec: v1.19 client-server-api #fallback.</summary>
    public const string DoneScript =
        """
        if (window.onAuthDone) {
          window.onAuthDone();
        } else if (window.opener && window.opener.postMessage) {
          window.opener.postMessage("authDone", "*");
        }
        """;

    public static ValueTask<MatrixResponse> ShowAsync(MatrixRequest request)
    {
        if (request.Query("session") is not { } session)
            return new(MatrixError.MissingParam("session is missing."));
        if (!request.Get<InteractiveSessions>().WaitsFor(session, InteractiveFlows.Sso))
            return new(MatrixError.NotFound("No session waits for this stage."));
        var query = $"uia={Uri.EscapeDataString(session)}";
        return request.ShowAsync(new HtmlPage(
            "Is this you?",
            Html.Of(
                $"""
                <p>An app wants to do something with your account that needs your word: to log a device out, to replace keys, or
                to close the account. To allow it, log in once more.</p>
                <p><strong>If you did not expect this, close this page:</strong> somebody may have taken over your session.</p>
                {Html.Join(request.Get<IdentityProviders>().All.Select(one => UpstreamPages.Button(request, one, query)))}
                """)));
    }
}
