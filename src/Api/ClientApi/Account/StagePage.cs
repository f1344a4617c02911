using Matrix.EventSourced.Api.ClientApi.Sso;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi.InteractiveAuth;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>A page on which a stage of user-interactive authentication is passed, for clients that do not know the
/// stage.</summary>
/// <remarks>Spec: v1.19 client-server-api #fallback. The page's script posts what was typed to the same address; that
/// POST is ours.</remarks>
internal static class StagePage
{
    private const string Path = "/_matrix/client/v3/auth/{authType}/fallback/web";

    public static readonly EndpointSpec GetSpec = new(
        "GET",
        Path,
        AuthKind.None,
        RateClass.Login,
        "client-server-api#get_matrixclientv3authauthtypefallbackweb");

    public static readonly EndpointSpec PostSpec = new(
        "POST", Path, AuthKind.None, RateClass.Login, "none#fallback-web")
    {
        BodyBytesMax = Limits.InteractiveBodyBytesMax,
    };

    private const string PasswordForm =
        """
        <label>User name <input name="user" autocomplete="username" required></label>
        <label>Password <input name="password" type="password" autocomplete="current-password" required></label>
        """;

    private const string TokenForm = """<label>Registration token <input name="token" required></label>""";

    private const string Script =
        """
        const status = document.getElementById("status");
        document.getElementById("form").addEventListener("submit", async event => {
          event.preventDefault();
          const body = Object.fromEntries(new FormData(event.target));
          try {
            const answer = await fetch(location.href, { method: "POST", body: JSON.stringify(body) });
            const json = await answer.json();
            if (!answer.ok) { status.textContent = json.error; return; }
            status.textContent = "Done: you may close this page.";
            if (window.onAuthDone) {
              window.onAuthDone();
            } else if (window.opener && window.opener.postMessage) {
              window.opener.postMessage("authDone", "*");
            }
          } catch (problem) { status.textContent = String(problem); }
        });
        """;

    public static void Map(EndpointTable table)
    {
        table.Add(GetSpec, GetAsync);
        table.Add(PostSpec, PostAsync);
    }

    private static async ValueTask<MatrixResponse> GetAsync(MatrixRequest request)
    {
        if (request.Path("authType") == InteractiveFlows.Sso)
            return await SsoStage.ShowAsync(request);
        var (session, form, error) = Read(request);
        if (error is not null)
            return error;
        return request.Get<InteractiveSessions>().WaitsFor(session, request.Path("authType"))
            ? await BrowserPages.WriteAsync(request, "Authentication", form, Script)
            : MatrixError.NotFound("No session waits for this stage.");
    }

    private static async ValueTask<MatrixResponse> PostAsync(MatrixRequest request)
    {
        var (session, _, problem) = Read(request);
        if (problem is not null)
            return problem;
        var (body, error) = await request.ReadJsonObjectAsync(emptyAllowed: true);
        error ??= await request.Get<InteractiveSessions>().CompleteAsync(session, request.Path("authType"), body);
        return error is null ? MatrixResponse.Empty : error;
    }

    private static (string Session, string Form, MatrixError? Error) Read(MatrixRequest request)
    {
        string? form = request.Path("authType") switch
        {
            InteractiveFlows.Password => PasswordForm,
            InteractiveFlows.RegistrationToken => TokenForm,
            InteractiveFlows.Dummy => string.Empty,
            _ => null,
        };
        if (form is null)
            return (string.Empty, string.Empty, MatrixError.NotFound("There is no such stage."));
        return request.Query("session") is { } session
            ? (session, form, null)
            : (string.Empty, form, MatrixError.MissingParam("session is missing."));
    }
}
