using System.Text;
using Matrix.EventSourced.Api.Tests.Federation;
using Matrix.EventSourced.Federation.RemoteMedia;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using static Matrix.EventSourced.Api.Tests.MediaApi.MediaCalls;

namespace Matrix.EventSourced.Api.Tests.MediaApi;

/// <summary>Media of servers that are old, that send one elsewhere, and that are wrong.</summary>
public sealed class Media_of_odd_servers(Media_of_odd_servers.OneServer world)
    : IClassFixture<Media_of_odd_servers.OneServer>, IAsyncLifetime
{
    private const string Boundary = "gc0p4Jq0M2Yt08jU534c0p";

    private FakeServer _other = null!;
    private FakeServer _storage = null!;
    private int _blobsBefore;
    private readonly TestHomeserver _server = world.Server;
    private readonly TestUser _alice = world.Alice;

    private MxcUri Media => new(ServerName.Parse(_other.Authority), MediaId.Parse("abc"));

    public async Task InitializeAsync()
    {
        _other = await FakeServer.StartAsync(isTls: true);
        _storage = await FakeServer.StartAsync(isTls: true);
        _blobsBefore = BlobCount(_server);
    }

    public sealed class OneServer : IAsyncLifetime
    {
        public TestHomeserver Server { get; private set; } = null!;

        public TestUser Alice { get; private set; } = null!;

        public async Task InitializeAsync()
        {
            Server = await FederatingServers.StartAsync(
                federation => federation with { AllowPrivateAddresses = true, VerifyCertificates = false },
                services => services.Replace(ServiceDescriptor.Singleton(new RemoteMediaOptions(1_000))));
            Alice = await Server.RegisterAsync("alice");
        }

        public Task DisposeAsync() => Server.DisposeAsync().AsTask();
    }

    public async Task DisposeAsync()
    {
        await _other.DisposeAsync();
        await _storage.DisposeAsync();
    }

    [Fact]
    public async Task falls_back_where_the_endpoint_for_servers_is_not_known()
    {
        _other.Answer = context =>
        {
            if (context.Request.Path.StartsWithSegments("/_matrix/federation"))
                return FakeServer.WriteAsync(context, "application/json", """{"errcode":"M_UNRECOGNIZED"}"""u8.ToArray(), 404);
            context.Response.Headers.ContentDisposition = "attachment; filename=\"old \\\"one\\\".txt\"";
            return FakeServer.WriteAsync(context, "text/x-old", "old"u8.ToArray());
        };
        var reply = (await GetAsync(_server, Download(Media, "?timeout_ms=7"), _alice.Token)).Is(200);
        Assert.Equal(("old", "text/x-old; charset=utf-8"), (reply.Text, reply["Content-Type"]));
        Assert.Equal("attachment; filename=\"old \\\"one\\\".txt\"", reply["Content-Disposition"]);
        Assert.Equal(
            ["/_matrix/federation/v1/media/download/abc?timeout_ms=7",
             $"/_matrix/media/v3/download/{_other.Authority}/abc?allow_remote=false&timeout_ms=7"],
            AskedForMedia().Select(Uri.UnescapeDataString));
    }

    [Fact]
    public async Task goes_where_a_location_says_and_takes_its_headers()
    {
        _other.Answer = context => MultipartAsync(context, $"Location: https://{_storage.Authority}/first\r\n\r\n");
        _storage.Answer = context =>
        {
            if (context.Request.Path == "/first")
            {
                context.Response.Redirect("/second");
                return Task.CompletedTask;
            }
            context.Response.Headers.ContentDisposition = "inline; filename=stored.png";
            return FakeServer.WriteAsync(context, "image/png", [1, 2, 3]);
        };
        var reply = (await GetAsync(_server, Download(Media), _alice.Token)).Is(200);
        Assert.Equal([1, 2, 3], reply.Bytes);
        Assert.Equal(("image/png", "inline; filename=\"stored.png\""), (reply["Content-Type"], reply["Content-Disposition"]));
        Assert.Equal(["/first", "/second"], _storage.Asked);
    }

    [Fact]
    public async Task takes_what_is_in_the_second_part()
    {
        _other.Answer = context => MultipartAsync(
            context, "Content-Type: text/css\r\nContent-Disposition: attachment; filename*=utf-8''%c3%a9.css\r\n\r\na{}");
        var reply = (await GetAsync(_server, Download(Media), _alice.Token)).Is(200);
        Assert.Equal(("a{}", "inline; filename*=utf-8''%C3%A9.css"), (reply.Text, reply["Content-Disposition"]));
    }

    [Theory]
    [InlineData("Content-Type: text/plain\r\n\r\n1001", 502, "M_TOO_LARGE")]
    [InlineData("Location: http://127.0.0.1/\r\n\r\n", 502, "M_UNKNOWN")]
    [InlineData("Location: https://user@127.0.0.1:1/\r\n\r\n", 502, "M_UNKNOWN")]
    [InlineData("Location: file:///etc/passwd\r\n\r\n", 502, "M_UNKNOWN")]
    [InlineData("Location: nowhere\r\n\r\n", 502, "M_UNKNOWN")]
    [InlineData("Location: https://127.0.0.1:1/\r\n\r\n", 502, "M_UNKNOWN")]
    [InlineData("no header at all", 502, "M_UNKNOWN")]
    public async Task refuses_parts_that_are_no_use(string part, int status, string errCode)
    {
        _other.Answer = context => MultipartAsync(context, part.Replace("1001", new string('x', 1_001), StringComparison.Ordinal));
        (await GetAsync(_server, Download(Media), _alice.Token)).Refused(status, errCode);
        Assert.Equal(_blobsBefore, BlobCount(_server));
        // What failed is not asked for again at once.
        (await GetAsync(_server, Download(Media), _alice.Token)).Refused(status, errCode);
        Assert.Single(AskedForMedia());
    }

    [Theory]
    [InlineData(404, "application/json", """{"errcode":"M_NOT_FOUND"}""", 404, "M_NOT_FOUND")]
    [InlineData(403, "application/json", """{"errcode":"M_FORBIDDEN"}""", 404, "M_NOT_FOUND")]
    [InlineData(504, "application/json", """{"errcode":"M_NOT_YET_UPLOADED"}""", 504, "M_NOT_YET_UPLOADED")]
    [InlineData(502, "application/json", """{"errcode":"M_TOO_LARGE"}""", 502, "M_TOO_LARGE")]
    [InlineData(500, "text/html", "oops", 502, "M_UNKNOWN")]
    [InlineData(429, "application/json", """{"errcode":"M_LIMIT_EXCEEDED"}""", 502, "M_UNKNOWN")]
    [InlineData(200, "text/plain", "no parts", 502, "M_UNKNOWN")]
    [InlineData(200, "multipart/mixed", "no boundary", 502, "M_UNKNOWN")]
    [InlineData(200, "multipart/mixed; boundary=x", "--x\r\n\r\n{}\r\n--x--\r\n", 502, "M_UNKNOWN")]
    [InlineData(200, "multipart/mixed; boundary=x", "", 502, "M_UNKNOWN")]
    public async Task says_what_another_server_s_answer_means(
        int answered, string type, string body, int status, string errCode)
    {
        _other.Answer = context => FakeServer.WriteAsync(context, type, Encoding.UTF8.GetBytes(body), answered);
        (await GetAsync(_server, Download(Media), _alice.Token)).Refused(status, errCode);
        Assert.Equal(_blobsBefore, BlobCount(_server));
        Assert.Empty(Directory.GetFiles(Path.Combine(_server.DataFolder, "media", "drafts")));
    }

    [Fact]
    public async Task is_not_half_there_when_its_server_breaks_off()
    {
        _other.Answer = async context =>
        {
            context.Response.ContentType = $"multipart/mixed; boundary={Boundary}";
            await context.Response.Body.WriteAsync(Encoding.ASCII.GetBytes(
                $"--{Boundary}\r\nContent-Type: application/json\r\n\r\n{{}}\r\n--{Boundary}\r\nContent-Type: text/plain\r\n\r\nhalf"));
            await context.Response.Body.FlushAsync();
            context.Abort();
        };
        (await GetAsync(_server, Download(Media), _alice.Token)).Refused(502, "M_UNKNOWN");
        Assert.Equal(_blobsBefore, BlobCount(_server));
    }

    private static Task MultipartAsync(HttpContext context, string part) => FakeServer.WriteAsync(
        context,
        $"multipart/mixed; boundary=\"{Boundary}\"",
        Encoding.UTF8.GetBytes(
            $"--{Boundary}\r\nContent-Type: application/json\r\n\r\n{{}}\r\n--{Boundary}\r\n{part}\r\n--{Boundary}--\r\n"));

    private List<string> AskedForMedia() =>
        [.. _other.Asked.Where(target => target.Contains("/media/", StringComparison.Ordinal))];
}
