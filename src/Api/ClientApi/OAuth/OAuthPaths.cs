using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.OAuth;

/// <summary>Where the OAuth API and its pages are. All under <c>/_matrix</c>, which is what proxies pass on.</summary>
internal static class OAuthPaths
{
    public const string Root = "/_matrix/oauth2/";
    public const string Authorize = Root + "authorize";
    public const string Token = Root + "token";
    public const string Revoke = Root + "revoke";
    public const string Clients = Root + "clients";
    public const string DeviceAuthorization = Root + "device_authorization";
    public const string Device = Root + "device";
    public const string Account = Root + "account";
    public const string Login = Root + "login";
    public const string Logout = Root + "logout";
    public const string Register = Root + "register";
    public const string Sso = Root + "sso";
    public const string Upstream = Root + "upstream/";
    public const string UpstreamName = Root + "user_name";
    public const string Callback = Root + "callback";

    /// <summary>Spec: v1.19 client-server-api #authentication-api-discovery.</summary>
    private static readonly MatrixError Absent =
        new(404, ErrCodes.Unrecognized, "The OAuth API is switched off on this server.");

    /// <summary>The address of a path, as others reach it.</summary>
    public static string Absolute(MatrixRequest request, string path) =>
        request.Get<HomeserverConfig>().PublicBaseUrl + path;

    /// <summary>The address of a path within this server: what stands before it is the public base URL's own path.
    /// </summary>
    public static string Relative(MatrixRequest request, string path) =>
        Uri.TryCreate(request.Get<HomeserverConfig>().PublicBaseUrl, UriKind.Absolute, out var uri)
            ? uri.AbsolutePath.TrimEnd('/') + path
            : path;

    public static bool IsOn(MatrixRequest request) => request.Get<HomeserverConfig>().OAuth.Mode == OAuthMode.On;

    /// <summary>A handler that is there only while the OAuth API is.</summary>
    public static MatrixHandler WhenOn(MatrixHandler handler) =>
        request => IsOn(request) ? handler(request) : ValueTask.FromResult<MatrixResponse>(Absent);

    /// <summary>A page of this API to go on with: a path of ours, whatever was asked for.</summary>
    /// <remarks>Ensures: nobody is led anywhere else by it.</remarks>
    public static string Next(string? next) =>
        next is { Length: <= 8_192 } && next.StartsWith(Root, StringComparison.Ordinal)
        && next.All(one => one is > ' ' and <= '~' and not ('\\' or '"' or '<' or '>'))
        && !next.Split('?', '#')[0].Contains("..", StringComparison.Ordinal)
            ? next
            : Account;
}
