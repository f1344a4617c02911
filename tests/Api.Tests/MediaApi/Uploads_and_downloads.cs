using System.Security.Cryptography;
using Matrix.EventSourced.Kit.Hosting;
using static Matrix.EventSourced.Api.Tests.MediaApi.MediaCalls;

namespace Matrix.EventSourced.Api.Tests.MediaApi;

/// <summary>What was uploaded comes back, under headers that let a browser run nothing.</summary>
public sealed class Uploads_and_downloads(Uploads_and_downloads.SmallUploads world)
    : IClassFixture<Uploads_and_downloads.SmallUploads>
{
    private const long BytesMax = 1_000_000;

    private readonly TestHomeserver _server = world.Server;
    private readonly TestUser _alice = world.Alice;

    [Fact]
    public async Task come_back_as_they_were()
    {
        var content = RandomNumberGenerator.GetBytes(700_000);
        var uri = await PutAsync(_server, _alice, content, "image/png", "picture.png");
        Assert.Equal("hs", uri.Server.Value);
        var reply = (await GetAsync(_server, Download(uri), _alice.Token)).Is(200);
        Assert.Equal(content, reply.Bytes);
        Assert.Equal("image/png", reply["Content-Type"]);
        Assert.Equal("inline; filename=\"picture.png\"", reply["Content-Disposition"]);
        Assert.Equal(
            "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; style-src 'unsafe-inline'; object-src 'self';",
            reply["Content-Security-Policy"]);
        Assert.Equal("cross-origin", reply["Cross-Origin-Resource-Policy"]);
        Assert.Equal("nosniff", reply["X-Content-Type-Options"]);
        Assert.Equal("*", reply["Access-Control-Allow-Origin"]);
        Assert.Contains("immutable", reply["Cache-Control"], StringComparison.Ordinal);
        Assert.Contains("private", reply["Cache-Control"], StringComparison.Ordinal);

        await _server.RestartWithoutDatabaseAsync();
        Assert.Equal(content, (await GetAsync(_server, Download(uri), _alice.Token)).Is(200).Bytes);
    }

    public sealed class SmallUploads() : MediaServer(
        config => config with { Media = config.Media with { UploadBytesMax = BytesMax } });

    [Theory]
    [InlineData("plain.txt", "filename=\"plain.txt\"")]
    [InlineData("with space;semicolon.txt", "filename=\"with space;semicolon.txt\"")]
    [InlineData("say \"hi\" \\o/", "filename=\"say \\\"hi\\\" \\\\o/\"")]
    [InlineData("☕ and é.txt", "filename*=utf-8''%E2%98%95%20and%20%C3%A9.txt")]
    [InlineData("new\r\nX-Evil: 1", "filename*=utf-8''new%0D%0AX-Evil%3A%201")]
    public async Task keep_their_names(string fileName, string expected)
    {
        var uri = await PutAsync(_server, _alice, [1, 2, 3], "text/plain", fileName);
        var reply = (await GetAsync(_server, Download(uri), _alice.Token)).Is(200);
        Assert.Equal($"inline; {expected}", reply["Content-Disposition"]);
        Assert.Null(reply["X-Evil"]);
        var renamed = (await GetAsync(_server, Download(uri, "/other%20n%C3%A0me"), _alice.Token)).Is(200);
        Assert.Equal("inline; filename*=utf-8''other%20n%C3%A0me", renamed["Content-Disposition"]);
    }

    [Theory]
    [InlineData(null, "application/octet-stream", "attachment")]
    [InlineData("nonsense", "application/octet-stream", "attachment")]
    [InlineData("text/html", "text/html; charset=utf-8", "attachment")]
    [InlineData("image/svg+xml", "image/svg+xml", "attachment")]
    [InlineData("application/pdf", "application/pdf", "attachment")]
    [InlineData("text/plain", "text/plain; charset=utf-8", "inline")]
    [InlineData("text/plain; charset=koi8-r", "text/plain; charset=koi8-r", "inline")]
    [InlineData("IMAGE/PNG", "IMAGE/PNG", "inline")]
    [InlineData("video/mp4", "video/mp4", "inline")]
    public async Task keep_their_types_and_only_safe_ones_are_shown(string? type, string served, string disposition)
    {
        var uri = await PutAsync(_server, _alice, Utf8("<script>alert(1)</script>"), type);
        var reply = (await GetAsync(_server, Download(uri), _alice.Token)).Is(200);
        Assert.Equal(served, reply["Content-Type"]);
        Assert.Equal(disposition, reply["Content-Disposition"]);
    }

    [Fact]
    public async Task of_nothing_are_media_too()
    {
        var uri = await PutAsync(_server, _alice, []);
        Assert.Empty((await GetAsync(_server, Download(uri), _alice.Token)).Is(200).Bytes);
        Assert.Equal(416, (await GetAsync(_server, Download(uri), _alice.Token, ("Range", "bytes=0-"))).Status);
    }

    [Theory]
    [InlineData("bytes=0-3", 206, "0123", "bytes 0-3/10")]
    [InlineData("bytes=4-", 206, "456789", "bytes 4-9/10")]
    [InlineData("bytes=-2", 206, "89", "bytes 8-9/10")]
    [InlineData("bytes=-99", 206, "0123456789", "bytes 0-9/10")]
    [InlineData("bytes=8-99", 206, "89", "bytes 8-9/10")]
    [InlineData("bytes=10-", 416, null, "bytes */10")]
    [InlineData("bytes=-0", 416, null, "bytes */10")]
    [InlineData("bytes=5-4", 200, "0123456789", null)]
    [InlineData("bytes=0-1,4-5", 200, "0123456789", null)]
    [InlineData("lines=0-1", 200, "0123456789", null)]
    [InlineData("bytes=a-b", 200, "0123456789", null)]
    [InlineData("bytes=99999999999999999999-", 200, "0123456789", null)]
    public async Task come_in_part(string range, int status, string? expected, string? contentRange)
    {
        var uri = await PutAsync(_server, _alice, Utf8("0123456789"));
        var reply = (await GetAsync(_server, Download(uri), _alice.Token, ("Range", range))).Is(status);
        Assert.Equal(contentRange, reply["Content-Range"]);
        Assert.Equal("bytes", reply["Accept-Ranges"]);
        if (expected is not null)
            Assert.Equal(expected, reply.Text);
    }

    [Fact]
    public async Task are_not_sent_to_who_has_them()
    {
        var uri = await PutAsync(_server, _alice, Utf8("0123456789"));
        var tag = (await GetAsync(_server, Download(uri), _alice.Token))["ETag"]!;
        var same = (await GetAsync(_server, Download(uri), _alice.Token, ("If-None-Match", $"\"x\", W/{tag}"))).Is(304);
        Assert.Empty(same.Bytes);
        (await GetAsync(_server, Download(uri), _alice.Token, ("If-None-Match", "\"x\""))).Is(200);
        (await GetAsync(_server, Download(uri), _alice.Token, ("Range", "bytes=0-1"), ("If-Range", tag))).Is(206);
        (await GetAsync(_server, Download(uri), _alice.Token, ("Range", "bytes=0-1"), ("If-Range", "\"x\""))).Is(200);

        using var head = new HttpRequestMessage(HttpMethod.Head, (Uri?)null);
        var reply = (await SendAsync(_server, head, _alice.Token, Download(uri))).Is(200);
        Assert.Equal(("10", "text/plain; charset=utf-8"), (reply["Content-Length"], reply["Content-Type"]));
        Assert.Empty(reply.Bytes);
    }

    [Fact]
    public async Task of_the_same_content_are_stored_once_and_each_is_its_own()
    {
        var content = RandomNumberGenerator.GetBytes(50_000);
        var before = BlobCount(_server);
        var uris = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => PutAsync(_server, _alice, content)));
        Assert.Distinct(uris);
        Assert.Equal(before + 1, BlobCount(_server));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task that_are_too_large_are_refused_and_leave_nothing(bool isChunked)
    {
        var before = BlobCount(_server);
        var reply = await UploadAsync(_server, _alice, new byte[BytesMax + 1], isChunked: isChunked);
        reply.Refused(413, "M_TOO_LARGE");
        Assert.Equal(before, BlobCount(_server));
        Assert.Empty(Directory.GetFiles(Path.Combine(_server.DataFolder, "media", "drafts")));
        (await UploadAsync(_server, _alice, new byte[BytesMax], isChunked: isChunked)).Is(200);
        var config = (await _alice.GetAsync("/_matrix/client/v1/media/config")).Ok();
        Assert.Equal(BytesMax, config.GetProperty("m.upload.size").GetInt64());
    }

    [Fact]
    public async Task need_a_token()
    {
        var uri = await PutAsync(_server, _alice, [1]);
        (await GetAsync(_server, Download(uri), null)).Refused(401, "M_MISSING_TOKEN");
        (await GetAsync(_server, Thumbnail(uri, "width=1&height=1"), null)).Refused(401, "M_MISSING_TOKEN");
        (await _server.SendAsync("POST", "/_matrix/media/v3/upload", null, "x")).Refused(401, "M_MISSING_TOKEN");
        (await _server.SendAsync("POST", "/_matrix/media/v1/create")).Refused(401, "M_MISSING_TOKEN");
        (await _server.SendAsync("GET", "/_matrix/media/v3/config")).Refused(401, "M_MISSING_TOKEN");
        (await _server.SendAsync("GET", "/_matrix/media/v3/preview_url?url=http://a/")).Refused(401, "M_MISSING_TOKEN");
        foreach (var path in (string[])["download", "thumbnail"])
        {
            var target = $"/_matrix/media/v3/{path}/hs/{uri.MediaId}?width=1&height=1";
            (await GetAsync(_server, target, null)).Refused(404, "M_NOT_FOUND");
        }
    }

    [Theory]
    [InlineData("hs/nope", 404, "M_NOT_FOUND")]
    [InlineData("hs/..%2F..%2Fsigning.key", 404, "M_NOT_FOUND")]
    [InlineData("hs/a.b", 404, "M_NOT_FOUND")]
    [InlineData("hs/a%20b", 404, "M_NOT_FOUND")]
    [InlineData("a%20b/abc", 404, "M_NOT_FOUND")]
    [InlineData("..%2F../abc", 404, "M_NOT_FOUND")]
    [InlineData("a_b/abc", 404, "M_NOT_FOUND")]
    [InlineData("hs/nope?timeout_ms=soon", 400, "M_INVALID_PARAM")]
    [InlineData("hs/nope?timeout_ms=-1", 400, "M_INVALID_PARAM")]
    [InlineData("hs/nope?allow_remote=maybe", 400, "M_INVALID_PARAM")]
    [InlineData("hs/%ff", 400, "M_INVALID_PARAM")]
    public async Task of_bad_names_are_refused(string media, int status, string errCode)
    {
        (await GetAsync(_server, $"/_matrix/client/v1/media/download/{media}", _alice.Token)).Refused(status, errCode);
    }

    [Fact]
    public async Task of_names_that_are_too_long_are_refused()
    {
        (await UploadAsync(_server, _alice, [1], fileName: new string('x', 1_025))).Refused(400, "M_INVALID_PARAM");
        var uri = await PutAsync(_server, _alice, [1], fileName: new string('x', 1_024));
        (await GetAsync(_server, Download(uri, "/" + new string('x', 1_025)), _alice.Token)).Refused(400, "M_INVALID_PARAM");
        (await GetAsync(_server, Download(uri), _alice.Token)).Is(200);
        var longId = new string('a', 256);
        (await GetAsync(_server, $"/_matrix/client/v1/media/download/hs/{longId}", _alice.Token)).Refused(404, "M_NOT_FOUND");
    }
}
