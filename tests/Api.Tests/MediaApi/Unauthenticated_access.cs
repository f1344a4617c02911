using Matrix.EventSourced.Kit.Hosting;
using static Matrix.EventSourced.Api.Tests.MediaApi.MediaCalls;

namespace Matrix.EventSourced.Api.Tests.MediaApi;

/// <summary>The deprecated endpoints, where an administrator has them serve everybody.</summary>
public sealed class Unauthenticated_access : IAsyncLifetime
{
    private TestHomeserver _server = null!;
    private TestUser _alice = null!;

    public async Task InitializeAsync()
    {
        _server = await TestHomeserver.StartAsync(new TestHomeserverOptions
        {
            Configure = config => config with { Media = config.Media with { UnauthenticatedAccess = true } },
        });
        _alice = await _server.RegisterAsync("alice");
    }

    public Task DisposeAsync() => _server.DisposeAsync().AsTask();

    [Theory]
    [InlineData("v3")]
    [InlineData("r0")]
    [InlineData("v1")]
    public async Task serves_under_all_old_names(string version)
    {
        var reply = (await UploadAsync(_server, _alice, Utf8("open"), target: $"/_matrix/media/{version}/upload")).Is(200);
        var media = reply.Json.GetProperty("content_uri").GetString()!["mxc://".Length..];
        var got = (await GetAsync(_server, $"/_matrix/media/{version}/download/{media}?allow_redirect=true", null)).Is(200);
        Assert.Equal("open", got.Text);
        Assert.Contains("public", got["Cache-Control"], StringComparison.Ordinal);
        var named = (await GetAsync(_server, $"/_matrix/media/{version}/download/{media}/n.txt", null)).Is(200);
        Assert.Equal("inline; filename=\"n.txt\"", named["Content-Disposition"]);
        (await GetAsync(_server, $"/_matrix/media/{version}/thumbnail/{media}?width=9&height=9", null)).Refused(400, "M_UNKNOWN");
        (await GetAsync(_server, $"/_matrix/media/{version}/config", _alice.Token)).Is(200);
        (await GetAsync(_server, $"/_matrix/media/{version}/config", null)).Refused(401, "M_MISSING_TOKEN");
    }

    [Fact]
    public async Task asks_no_other_server_where_that_is_not_wished()
    {
        (await GetAsync(_server, "/_matrix/media/v3/download/127.0.0.1:1/abc?allow_remote=false", null))
            .Refused(404, "M_NOT_FOUND");
    }
}
