using System.Net;
using System.Net.Sockets;
using System.Text;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;
using Microsoft.AspNetCore.Http;
using static Matrix.EventSourced.Api.Tests.MediaApi.MediaCalls;

namespace Matrix.EventSourced.Api.Tests.MediaApi;

/// <summary>What pages say of themselves, and that no link leads where it must not.</summary>
public sealed class Previews_of_pages(Previews_of_pages.OneDenied world)
    : IClassFixture<Previews_of_pages.OneDenied>, IAsyncLifetime, IDisposable
{
    /// <summary>Loopback is where the test's site is; another address of it stands for what is denied.</summary>
    public sealed class OneDenied() : MediaServer(config => config with
    {
        Federation = config.Federation with { DeniedIpRanges = [IPNetwork.Parse("127.0.0.2/32")] },
    });

    private static readonly IPAddress Denied = IPAddress.Parse("127.0.0.2");

    private readonly TcpListener _deniedListener = new(Denied, 0);
    private FakeServer _site = null!;
    private readonly TestHomeserver _server = world.Server;
    private readonly TestUser _alice = world.Alice;
    private Task _listening = Task.CompletedTask;
    private int _connections;

    private string DeniedAddress => $"http://127.0.0.2:{((IPEndPoint)_deniedListener.LocalEndpoint).Port}/";

    public async Task InitializeAsync()
    {
        _deniedListener.Start();
        _listening = CountAsync();
        _site = await FakeServer.StartAsync(isTls: false);
    }

    public async Task DisposeAsync()
    {
        await _site.DisposeAsync();
        _deniedListener.Stop();
        await _listening;
        Assert.Equal(0, _connections);
    }

    public void Dispose() => _deniedListener.Dispose();

    [Fact]
    public async Task say_what_the_page_says_and_show_its_image_from_here()
    {
        var image = TestImages.Jpeg(60, 30, orientation: 6);
        _site.Answer = context => context.Request.Path == "/i.jpg"
            ? FakeServer.WriteAsync(context, "image/jpeg", image)
            : HtmlAsync(context, """
                <!DOCTYPE html><html><head><title>Not this</title>
                <meta property="og:title" content="  A &amp; B
                    title "><meta property="og:image" content="/i.jpg"><meta property="og:image:width" content="9999">
                <meta name="description" content="d"><meta property="og:site_name" content="Sité">
                <meta property="og:title" content="second"></head><body><meta property="og:type" content="late"></body></html>
                """);
        var preview = (await PreviewAsync("/page#part")).Is(200).Json;
        Assert.Equal("A & B title", preview.Text("og:title"));
        Assert.Equal("d", preview.Text("og:description"));
        Assert.Equal("Sité", preview.Text("og:site_name"));
        Assert.Equal("image/jpeg", preview.Text("og:image:type"));
        Assert.Equal((30, 60), (preview.GetProperty("og:image:width").GetInt32(), preview.GetProperty("og:image:height").GetInt32()));
        Assert.Equal(image.Length, preview.GetProperty("matrix:image:size").GetInt32());
        Assert.False(preview.TryGetProperty("og:type", out _));
        Assert.True(MxcUri.TryParse(preview.Text("og:image"), out var uri));
        Assert.Equal(image, (await GetAsync(_server, Download(uri), _alice.Token)).Is(200).Bytes);

        // Asked again, nobody is asked.
        Assert.Equal(preview.GetRawText(), (await PreviewAsync("/page")).Text);
        Assert.Equal(["/page", "/i.jpg"], _site.Asked);
    }

    [Theory]
    [InlineData("<title>T</title>", "T", null)]
    [InlineData("<title>T</title><meta name='twitter:title' content='W'><meta name=twitter:description content=D>", "W", "D")]
    [InlineData("<title>\n T\t &lt;b&gt; \n</title>", "T <b>", null)]
    [InlineData("no page at all", null, null)]
    [InlineData("", null, null)]
    public async Task make_do_with_less(string html, string? title, string? description)
    {
        _site.Answer = context => HtmlAsync(context, html);
        var preview = (await PreviewAsync("/")).Is(200).Json;
        Assert.Equal(title, preview.TryGetProperty("og:title", out var found) ? found.GetString() : null);
        Assert.Equal(description, preview.TryGetProperty("og:description", out found) ? found.GetString() : null);
    }

    [Theory]
    [InlineData("text/html; charset=windows-1251", "", new byte[] { 0xCF, 0xF0, 0xE8 })]
    [InlineData("text/html", "<meta charset=windows-1251>", new byte[] { 0xCF, 0xF0, 0xE8 })]
    [InlineData("text/html; charset=utf-8", "", new byte[] { 0xD0, 0x9F, 0xD1, 0x80, 0xD0, 0xB8 })]
    [InlineData("text/html; charset=no-such-thing", "", new byte[] { 0xD0, 0x9F, 0xD1, 0x80, 0xD0, 0xB8 })]
    public async Task read_the_page_s_own_letters(string type, string meta, byte[] title)
    {
        _site.Answer = context => FakeServer.WriteAsync(
            context, type, [.. Utf8($"<html><head>{meta}<title>"), .. title, .. "</title></head>"u8]);
        Assert.Equal("При", (await PreviewAsync("/")).Is(200).Json.Text("og:title"));
    }

    [Fact]
    public async Task of_images_are_the_images()
    {
        _site.Answer = context => FakeServer.WriteAsync(context, "image/png", TestImages.Png(8, 4));
        var preview = (await PreviewAsync("/i.png")).Is(200).Json;
        Assert.Equal(8, preview.GetProperty("og:image:width").GetInt32());
        _site.Answer = context => FakeServer.WriteAsync(context, "image/png", "none"u8.ToArray());
        Assert.Equal("{}", (await PreviewAsync("/broken.png")).Is(200).Text);
        _site.Answer = context => FakeServer.WriteAsync(context, "application/pdf", "%PDF"u8.ToArray());
        Assert.Equal("{}", (await PreviewAsync("/a.pdf")).Is(200).Text);
    }

    [Theory]
    [InlineData("", "M_MISSING_PARAM")]
    [InlineData("nonsense", "M_INVALID_PARAM")]
    [InlineData("/relative", "M_INVALID_PARAM")]
    [InlineData("ftp://example.org/", "M_INVALID_PARAM")]
    [InlineData("file:///etc/passwd", "M_INVALID_PARAM")]
    [InlineData("http://user:pass@example.org/", "M_INVALID_PARAM")]
    [InlineData("http://example.org/&ts=yesterday", "M_INVALID_PARAM")]
    public async Task of_what_is_no_address_are_refused(string url, string errCode) =>
        (await GetAsync(_server, $"/_matrix/client/v1/media/preview_url?url={url}", _alice.Token)).Refused(400, errCode);

    [Fact]
    public async Task of_denied_addresses_are_refused_and_nobody_is_asked()
    {
        var port = new Uri(DeniedAddress).Port;
        string[] addresses =
        [
            DeniedAddress, $"http://[::ffff:127.0.0.2]:{port}/", $"http://2130706434:{port}/", $"http://0x7f000002:{port}/",
            $"http://127.0.0.2.:{port}/",
        ];
        foreach (var address in addresses)
        {
            var reply = await GetAsync(_server, $"/_matrix/client/v1/media/preview_url?url={Uri.EscapeDataString(address)}", _alice.Token);
            Assert.True(reply.Status is 403 or 502, $"{address}: {reply.Status}");
        }
        foreach (var target in addresses)
        {
            _site.Answer = context =>
            {
                context.Response.Redirect(target);
                return Task.CompletedTask;
            };
            var reply = await PreviewAsync("/redirect?" + Uri.EscapeDataString(target));
            Assert.True(reply.Status is 403 or 502, $"{target}: {reply.Status}");
        }
        _site.Answer = context => HtmlAsync(context, $"<title>T</title><meta property='og:image' content='{DeniedAddress}i.png'>");
        var shown = (await PreviewAsync("/with-image")).Is(200).Json;
        Assert.Equal("T", shown.Text("og:title"));
        Assert.False(shown.TryGetProperty("og:image", out _));
    }

    [Fact]
    public async Task never_go_to_this_machine_unless_that_is_set()
    {
        await using var usual = await TestHomeserver.StartAsync();
        var bob = await usual.RegisterAsync("bob");
        foreach (var host in (string[])["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"])
        {
            var url = Uri.EscapeDataString($"http://{host}:{new Uri("http://" + _site.Authority).Port}/");
            (await GetAsync(usual, $"/_matrix/client/v1/media/preview_url?url={url}", bob.Token)).Refused(403, "M_FORBIDDEN");
        }
        Assert.Empty(_site.Asked);
    }

    [Fact]
    public async Task fail_where_the_page_does()
    {
        _site.Answer = context => FakeServer.WriteAsync(context, "text/html", [], 500);
        (await PreviewAsync("/500")).Refused(502, "M_UNKNOWN");
        _site.Answer = context =>
        {
            context.Response.Redirect("/round");
            return Task.CompletedTask;
        };
        (await PreviewAsync("/round")).Refused(502, "M_UNKNOWN");
        _site.Answer = context =>
        {
            context.Response.Redirect("file:///etc/passwd");
            return Task.CompletedTask;
        };
        (await PreviewAsync("/file")).Refused(502, "M_UNKNOWN");
        _site.Answer = context =>
        {
            context.Abort();
            return Task.CompletedTask;
        };
        (await PreviewAsync("/aborted")).Refused(502, "M_UNKNOWN");
    }

    [Fact]
    public async Task read_only_the_beginning_of_endless_pages()
    {
        _site.Answer = async context =>
        {
            context.Response.ContentType = "text/html";
            await context.Response.WriteAsync("<head><title>Endless</title></head><body>");
            var block = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("<div><p><b>", 3_000)));
            while (!context.RequestAborted.IsCancellationRequested)
                await context.Response.Body.WriteAsync(block, context.RequestAborted);
        };
        Assert.Equal("Endless", (await PreviewAsync("/")).Is(200).Json.Text("og:title"));
        // Nested without end, in the head too.
        _site.Answer = context => HtmlAsync(context, "<head><title>Deep" + string.Concat(Enumerable.Repeat("<div>", 150_000)));
        (await PreviewAsync("/deep")).Is(200);
        _site.Answer = context => HtmlAsync(context, "<head>" + string.Concat(Enumerable.Repeat("<template><noscript>", 40_000)));
        (await PreviewAsync("/templates")).Is(200);
    }

    [Fact]
    public async Task are_off_or_of_some_hosts_where_an_administrator_wants_that()
    {
        await using var off = await TestHomeserver.StartAsync(new TestHomeserverOptions
        {
            Configure = config => config with { UrlPreviews = config.UrlPreviews with { IsOn = false } },
        });
        var url = Uri.EscapeDataString($"http://{_site.Authority}/");
        var bob = await off.RegisterAsync("bob");
        Assert.Equal("{}", (await GetAsync(off, $"/_matrix/client/v1/media/preview_url?url={url}", bob.Token)).Is(200).Text);

        await using var some = await TestHomeserver.StartAsync(new TestHomeserverOptions
        {
            Configure = config => config with
            {
                UrlPreviews = config.UrlPreviews with { AllowPrivateAddresses = true, AllowedHosts = ["*.example.org"] },
            },
        });
        bob = await some.RegisterAsync("bob");
        (await GetAsync(some, $"/_matrix/client/v1/media/preview_url?url={url}", bob.Token)).Refused(403, "M_FORBIDDEN");
        Assert.Empty(_site.Asked);
    }

    private Task<MediaReply> PreviewAsync(string path) => GetAsync(
        _server,
        $"/_matrix/client/v1/media/preview_url?url={Uri.EscapeDataString($"http://{_site.Authority}{path}")}",
        _alice.Token);

    private static Task HtmlAsync(HttpContext context, string html) =>
        FakeServer.WriteAsync(context, "text/html; charset=utf-8", Utf8(html));

    private async Task CountAsync()
    {
        while (true)
        {
            try
            {
                using var connection = await _deniedListener.AcceptSocketAsync();
                Interlocked.Increment(ref _connections);
            }
            catch (Exception stopped) when (stopped is SocketException or ObjectDisposedException or InvalidOperationException)
            {
                return;
            }
        }
    }
}
