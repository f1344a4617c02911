using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Media.Images;
using static Matrix.EventSourced.Api.Tests.MediaApi.MediaCalls;

namespace Matrix.EventSourced.Api.Tests.MediaApi;

/// <summary>Images in other sizes: never larger than they are, never smaller than asked for where they are not.</summary>
public sealed class Thumbnails_of_images(Thumbnails_of_images.SmallImages world)
    : IClassFixture<Thumbnails_of_images.SmallImages>
{
    private readonly TestHomeserver _server = world.Server;
    private readonly TestUser _alice = world.Alice;

    public sealed class SmallImages() : MediaServer(
        config => config with { Media = config.Media with { ThumbnailPixelsMax = 1_000_000 } });

    [Theory]
    [InlineData("width=32&height=32&method=crop", 32, 32)]
    [InlineData("width=96&height=96&method=crop", 96, 96)]
    [InlineData("width=40&height=80&method=crop", 40, 80)]
    [InlineData("width=320&height=240&method=scale", 480, 240)]
    [InlineData("width=300&height=200", 480, 240)]
    [InlineData("width=32&height=32&method=scale", 64, 32)]
    [InlineData("width=900&height=100&method=crop", 800, 89)]
    [InlineData("width=100&height=900&method=crop", 44, 400)]
    public async Task fit_what_is_asked_for(string query, int width, int height)
    {
        var uri = await PutAsync(_server, _alice, TestImages.Png(800, 400), "image/png");
        var reply = (await GetAsync(_server, Thumbnail(uri, query), _alice.Token)).Is(200);
        Assert.Equal((width, height, 1), TestImages.SizeOf(reply.Bytes));
        Assert.Equal("image/png", reply["Content-Type"]);
        Assert.Equal("inline; filename=\"thumbnail.png\"", reply["Content-Disposition"]);
        Assert.Equal("nosniff", reply["X-Content-Type-Options"]);
        (await GetAsync(_server, Thumbnail(uri, query), _alice.Token, ("If-None-Match", reply["ETag"]!))).Is(304);
    }

    [Fact]
    public async Task of_small_images_are_the_images_themselves()
    {
        var content = TestImages.Png(30, 20);
        var uri = await PutAsync(_server, _alice, content, "image/png");
        foreach (var query in (string[])["width=32&height=32&method=crop", "width=99999999999&height=20", "width=30&height=20"])
            Assert.Equal(content, (await GetAsync(_server, Thumbnail(uri, query), _alice.Token)).Is(200).Bytes);
        // Smaller one way only: nothing is enlarged.
        var cropped = (await GetAsync(_server, Thumbnail(uri, "width=40&height=10&method=crop"), _alice.Token)).Is(200);
        Assert.Equal((30, 8, 1), TestImages.SizeOf(cropped.Bytes));
    }

    [Fact]
    public async Task of_photographs_are_upright_and_tell_nothing_else()
    {
        var uri = await PutAsync(_server, _alice, TestImages.Jpeg(400, 200, orientation: 6), "image/jpeg");
        var reply = (await GetAsync(_server, Thumbnail(uri, "width=96&height=96&method=scale"), _alice.Token)).Is(200);
        Assert.Equal("image/jpeg", reply["Content-Type"]);
        Assert.Equal((96, 192, 1), TestImages.SizeOf(reply.Bytes));
        using var image = NetVips.Image.NewFromBuffer(reply.Bytes);
        Assert.DoesNotContain(image.GetFields(), field => field.StartsWith("exif", StringComparison.Ordinal));
    }

    [Fact]
    public async Task of_clear_images_stay_clear()
    {
        var uri = await PutAsync(_server, _alice, TestImages.Webp(200, 200), "image/webp");
        var reply = (await GetAsync(_server, Thumbnail(uri, "width=32&height=32&method=crop"), _alice.Token)).Is(200);
        Assert.Equal("image/png", reply["Content-Type"]);
        using var image = NetVips.Image.NewFromBuffer(reply.Bytes);
        Assert.True(image.HasAlpha());
    }

    [Theory]
    [InlineData("width=32&height=32&method=crop", 32, 32)]
    [InlineData("width=20&height=40&method=crop", 20, 40)]
    [InlineData("width=96&height=96&method=scale", 120, 96)]
    public async Task move_only_where_that_is_wished(string query, int width, int height)
    {
        var content = TestImages.Gif(150, 120, 4);
        Assert.Equal((150, 120, 4), TestImages.SizeOf(content));
        var uri = await PutAsync(_server, _alice, content, "image/gif");
        var moving = (await GetAsync(_server, Thumbnail(uri, query + "&animated=true"), _alice.Token)).Is(200);
        Assert.Equal(("image/webp", (width, height, 4)), (moving["Content-Type"], TestImages.SizeOf(moving.Bytes)));
        foreach (var animated in (string[])["", "&animated=false"])
        {
            var still = (await GetAsync(_server, Thumbnail(uri, query + animated), _alice.Token)).Is(200);
            Assert.Equal(("image/png", (width, height, 1)), (still["Content-Type"], TestImages.SizeOf(still.Bytes)));
        }
        // The image itself moves, so it is no answer where it must not.
        var whole = (await GetAsync(_server, Thumbnail(uri, "width=500&height=500"), _alice.Token)).Is(200);
        Assert.Equal((150, 120, 1), TestImages.SizeOf(whole.Bytes));
        var itself = (await GetAsync(_server, Thumbnail(uri, "width=500&height=500&animated=true"), _alice.Token)).Is(200);
        Assert.Equal(content, itself.Bytes);
    }

    [Theory]
    [InlineData("text/plain", "hello")]
    [InlineData("image/png", "no image at all")]
    [InlineData("image/png", "\u0089PNG\r\n\u001a\n broken")]
    [InlineData("image/svg+xml", "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"99\" height=\"99\"/>")]
    [InlineData("image/gif", "GIF89a")]
    [InlineData("image/jpeg", "")]
    public async Task of_what_is_no_image_are_refused(string type, string content)
    {
        var uri = await PutAsync(_server, _alice, System.Text.Encoding.Latin1.GetBytes(content), type);
        (await GetAsync(_server, Thumbnail(uri, "width=32&height=32"), _alice.Token)).Refused(400, "M_UNKNOWN");
    }

    [Theory]
    [InlineData("", "M_MISSING_PARAM")]
    [InlineData("width=32", "M_MISSING_PARAM")]
    [InlineData("width=0&height=32", "M_INVALID_PARAM")]
    [InlineData("width=-1&height=32", "M_INVALID_PARAM")]
    [InlineData("width=1.5&height=32", "M_INVALID_PARAM")]
    [InlineData("width=x&height=32", "M_INVALID_PARAM")]
    [InlineData("width=32&height=32&method=melt", "M_INVALID_PARAM")]
    [InlineData("width=32&height=32&animated=1", "M_INVALID_PARAM")]
    public async Task of_bad_sizes_are_refused(string query, string errCode)
    {
        var uri = await PutAsync(_server, _alice, TestImages.Png(50, 50), "image/png");
        (await GetAsync(_server, Thumbnail(uri, query), _alice.Token)).Refused(400, errCode);
    }

    [Fact]
    public async Task of_images_with_too_many_pixels_are_not_decoded()
    {
        var uri = await PutAsync(_server, _alice, TestImages.Png(1_001, 1_000), "image/png");
        (await GetAsync(_server, Thumbnail(uri, "width=32&height=32"), _alice.Token)).Refused(413, "M_TOO_LARGE");
        // Few pixels in a frame, many in all of them.
        var moving = await PutAsync(_server, _alice, TestImages.Gif(400, 400, 7), "image/gif");
        (await GetAsync(_server, Thumbnail(moving, "width=32&height=32&animated=true"), _alice.Token)).Refused(413, "M_TOO_LARGE");
        (await GetAsync(_server, Thumbnail(moving, "width=32&height=32"), _alice.Token)).Is(200);
    }

    [Fact]
    public async Task are_kept_in_small_number_whatever_is_asked_for()
    {
        var uri = await PutAsync(_server, _alice, TestImages.Png(300, 300), "image/png");
        var replies = await Task.WhenAll(Enumerable.Range(1, ImageLimits.KeptMax + 10).Select(
            size => GetAsync(_server, Thumbnail(uri, $"width={size}&height=9&method=crop"), _alice.Token)));
        Assert.All(replies, reply => reply.Is(200));
        var thumbnails = Path.Combine(_server.DataFolder, "media", "thumbnails");
        var kept = Directory.GetFiles(thumbnails, "*x9-crop.png", SearchOption.AllDirectories);
        Assert.Equal(ImageLimits.KeptMax, kept.Length);

        var same = await Task.WhenAll(Enumerable.Range(0, 20).Select(
            _ => GetAsync(_server, Thumbnail(uri, "width=200&height=200&method=scale"), _alice.Token)));
        Assert.Single(same.Select(reply => Convert.ToHexString(reply.Is(200).Bytes)).Distinct());
    }
}
