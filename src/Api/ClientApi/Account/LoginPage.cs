using Matrix.EventSourced.Api.Http;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>A page that logs in, for clients that know none of the login flows.</summary>
/// <remarks>Spec: v1.19 client-server-api #login-fallback.</remarks>
internal static class LoginPage
{
    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/static/client/login/",
        AuthKind.None,
        RateClass.None,
        "client-server-api#get_matrixstaticclientlogin");

    private const string Form =
        """
        <label>User name <input id="user" autocomplete="username" required></label>
        <label>Password <input id="password" type="password" autocomplete="current-password" required></label>
        """;

    // Parameters of the query that are no credentials go on to the login.
    private const string Script =
        """
        const status = document.getElementById("status");
        document.getElementById("form").addEventListener("submit", async event => {
          event.preventDefault();
          const query = new URLSearchParams(location.search);
          const body = {
            type: "m.login.password",
            identifier: { type: "m.id.user", user: document.getElementById("user").value },
            password: document.getElementById("password").value,
          };
          for (const name of ["device_id", "initial_device_display_name"])
            if (query.has(name)) body[name] = query.get(name);
          if (query.get("refresh_token") === "true") body.refresh_token = true;
          try {
            const answer = await fetch("/_matrix/client/v3/login", { method: "POST", body: JSON.stringify(body) });
            const json = await answer.json();
            if (!answer.ok) { status.textContent = json.error; return; }
            status.textContent = "You are logged in.";
            if (window.matrixLogin && window.matrixLogin.onLogin) window.matrixLogin.onLogin(json);
          } catch (problem) { status.textContent = String(problem); }
        });
        """;

    public static void Map(EndpointTable table) =>
        table.Add(Spec, static request => BrowserPages.WriteAsync(request, "Log in", Form, Script));
}
