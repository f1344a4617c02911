using Matrix.EventSourced.Api;
using Matrix.EventSourced.Api.Http;

namespace Matrix.EventSourced.Architecture.Tests;

/// <summary>The endpoint tables of both listeners.</summary>
public sealed class EndpointTests
{
    private static readonly HashSet<string> Anchors = [.. Repository.ReadLines("docs/spec-anchors.txt")];

    private static IEnumerable<EndpointSpec> Specs =>
        Composition.ClientEndpoints().Entries.Concat(Composition.FederationEndpoints().Entries).Select(entry =>
            entry.Spec);

    [Fact]
    public void every_endpoint_names_a_heading_of_the_pinned_spec()
    {
        // What the spec does not know is marked as ours.
        var wrong = Specs.Where(spec => !spec.SpecAnchor.StartsWith("none#", StringComparison.Ordinal))
            .Where(spec => !Anchors.Contains(spec.SpecAnchor))
            .Select(spec => $"{spec.Method} {spec.Path}: {spec.SpecAnchor}");
        Assert.Empty(wrong);
    }

    [Fact]
    public void every_endpoint_is_in_one_table_once()
    {
        foreach (var table in (EndpointTable[])[Composition.ClientEndpoints(), Composition.FederationEndpoints()])
            Assert.Distinct(table.Entries.Select(entry => $"{entry.Spec.Method} {entry.Spec.Path}"));
    }

    [Fact]
    public void only_the_open_part_of_the_client_api_takes_no_token()
    {
        string[] open =
        [
            "/", "/health", "/.well-known/matrix/client", "/.well-known/matrix/server",
            "/_matrix/client/v3/login", "/_matrix/client/v3/register", "/_matrix/client/v3/register/available",
            "/.well-known/matrix/support", "/.well-known/matrix/policy_server", "/_matrix/client/v3/refresh", "/_matrix/static/client/login/",
            "/_matrix/client/v3/auth/{authType}/fallback/web",
            "/_matrix/client/v3/profile/{userId}", "/_matrix/client/v3/profile/{userId}/{keyName}",
            "/_matrix/client/v3/publicRooms", "/_matrix/client/v3/directory/list/room/{roomId}",
            "/_matrix/client/v3/directory/room/{roomAlias}",
            "/_matrix/client/v1/register/m.login.registration_token/validity", "/_synapse/admin/v1/register",
            "/_matrix/media/v3/download/{serverName}/{mediaId}", "/_matrix/media/v3/download/{serverName}/{mediaId}/{fileName}",
            "/_matrix/media/v3/thumbnail/{serverName}/{mediaId}",
            "/_matrix/client/v1/auth_metadata", "/.well-known/oauth-authorization-server",
            "/_matrix/client/v3/login/sso/redirect", "/_matrix/client/v3/login/sso/redirect/{idpId}",
        ];
        var wrong = Composition.ClientEndpoints().Entries
            .Where(entry => entry.Spec.Auth == AuthKind.None && !open.Contains(entry.Spec.Path))
            // The OAuth API gives tokens out, and its pages go by a cookie.
            .Where(entry => !entry.Spec.Path.StartsWith("/_matrix/oauth2/", StringComparison.Ordinal))
            // Who registers, or has lost their password, has no token.
            .Where(entry => !entry.Spec.Path.EndsWith("/requestToken", StringComparison.Ordinal))
            .Select(entry => $"{entry.Spec.Method} {entry.Spec.Path}");
        Assert.Empty(wrong);
    }
}
