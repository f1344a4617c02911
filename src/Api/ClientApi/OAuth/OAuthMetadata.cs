using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Commands.UserApi.OAuth;

namespace Matrix.EventSourced.Api.ClientApi.OAuth;

/// <summary>Where the OAuth API is, and what it can do.</summary>
/// <remarks>Spec: v1.19 client-server-api #server-metadata-discovery. The same under the well-known names of RFC 8414
/// and
/// OpenID Connect, where generic clients look.</remarks>
internal static class OAuthMetadata
{
    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v1/auth_metadata",
        AuthKind.None,
        RateClass.None,
        "client-server-api#get_matrixclientv1auth_metadata")
    {
        Aliases = ["/_matrix/client/unstable/org.matrix.msc2965/auth_metadata"],
    };

    public static readonly EndpointSpec WellKnownSpec = new(
        "GET", "/.well-known/oauth-authorization-server", AuthKind.None, RateClass.None, "none#oauth-metadata")
    {
        Aliases = ["/.well-known/openid-configuration"],
    };

    /// <summary>Spec: v1.19 client-server-api #account-management-url-actions.</summary>
    private static readonly string[] Actions =
    [
        AccountActions.Profile, AccountActions.DevicesList, AccountActions.DeviceView, AccountActions.DeviceDelete,
        AccountActions.Deactivate, AccountActions.CrossSigningReset,
    ];

    public static void Map(EndpointTable table)
    {
        table.Add(Spec, OAuthPaths.WhenOn(Answer));
        table.Add(WellKnownSpec, OAuthPaths.WhenOn(Answer));
    }

    private static ValueTask<MatrixResponse> Answer(MatrixRequest request) =>
        new(new MatrixResponse.Json(writer => Write(writer, request)));

    private static void Write(Utf8JsonWriter writer, MatrixRequest request)
    {
        writer.WriteStartObject();
        writer.WriteString("issuer"u8, OAuthPaths.Absolute(request, "/"));
        Address("authorization_endpoint", OAuthPaths.Authorize);
        Address("token_endpoint", OAuthPaths.Token);
        Address("revocation_endpoint", OAuthPaths.Revoke);
        Address("registration_endpoint", OAuthPaths.Clients);
        Address("device_authorization_endpoint", OAuthPaths.DeviceAuthorization);
        Address("account_management_uri", OAuthPaths.Account);
        Texts("account_management_actions_supported", Actions);
        Texts("response_types_supported", "code");
        Texts("response_modes_supported", "query", "fragment");
        Texts(
            "grant_types_supported",
            ClientMetadata.AuthorizationCode,
            ClientMetadata.RefreshToken,
            ClientMetadata.DeviceCode);
        Texts("code_challenge_methods_supported", "S256");
        Texts("token_endpoint_auth_methods_supported", "none");
        Texts("revocation_endpoint_auth_methods_supported", "none");
        Texts("scopes_supported", "urn:matrix:client:api:*");
        if (request.Get<RegistrationPolicy>().Mode != RegistrationOpenness.Closed)
            Texts("prompt_values_supported", "create");
        // RFC 9207: a client that talks to several servers can tell who answers.
        writer.WriteBoolean("authorization_response_iss_parameter_supported"u8, true);
        writer.WriteEndObject();

        void Address(string name, string path) => writer.WriteString(name, OAuthPaths.Absolute(request, path));

        void Texts(string name, params ReadOnlySpan<string> texts)
        {
            writer.WriteStartArray(name);
            foreach (var text in texts)
                writer.WriteStringValue(text);
            writer.WriteEndArray();
        }
    }
}

/// <summary>What the account page can be asked for.</summary>
/// <remarks>Spec: v1.19 client-server-api #account-management-url-actions.</remarks>
internal static class AccountActions
{
    public const string Profile = "org.matrix.profile";
    public const string DevicesList = "org.matrix.devices_list";
    public const string DeviceView = "org.matrix.device_view";
    public const string DeviceDelete = "org.matrix.device_delete";
    public const string Deactivate = "org.matrix.account_deactivate";
    public const string CrossSigningReset = "org.matrix.cross_signing_reset";

    /// <summary>Ours: not advertised.</summary>
    public const string Password = "password";

    /// <summary>The action meant; clients from before the spec had them use the names of MSC4191.</summary>
    public static string? Of(string? action) => action switch
    {
        "org.matrix.sessions_list" => DevicesList,
        "org.matrix.session_view" => DeviceView,
        "org.matrix.session_end" => DeviceDelete,
        _ => action,
    };
}
