using CsCheck;
using Matrix.EventSourced.Media.Images;

namespace Matrix.EventSourced.Api.Tests.MediaApi;

/// <summary>The spec's rules about sizes, for any image and any wish.</summary>
public class Thumbnail_plans
{
    [Fact]
    public void never_enlarge_and_are_never_smaller_than_asked_for_where_the_image_is_not() => Gen.Select(
        Gen.Int[1, 5_000], Gen.Int[1, 5_000], Gen.Int[1, 5_000], Gen.Int[1, 5_000], Gen.Bool)
        .Sample((imageWidth, imageHeight, width, height, isCrop) =>
        {
            var wish = new ThumbnailWish(
                width, height, isCrop ? ThumbnailMethod.Crop : ThumbnailMethod.Scale, IsAnimated: false).Rounded();
            Assert.True(wish.Width >= width && wish.Height >= height);
            if (ThumbnailPlan.Make(imageWidth, imageHeight, wish) is not { } plan)
            {
                Assert.True(
                    (imageWidth <= wish.Width && imageHeight <= wish.Height)
                    || (!isCrop && (imageWidth <= wish.Width || imageHeight <= wish.Height)));
                return;
            }
            Assert.InRange(plan.ScaledWidth, 1, imageWidth);
            Assert.InRange(plan.ScaledHeight, 1, imageHeight);
            Assert.InRange(plan.Width, 1, plan.ScaledWidth);
            Assert.InRange(plan.Height, 1, plan.ScaledHeight);
            if (isCrop && imageWidth >= width && imageHeight >= height)
                Assert.Equal((width, height), (plan.Width, plan.Height));
            if (!isCrop)
                Assert.True(plan.Width >= Math.Min(width, imageWidth) && plan.Height >= Math.Min(height, imageHeight));
        });

    [Theory]
    [InlineData(800, 600, 100, 50, 100, 50)]
    [InlineData(100, 50, 200, 20, 100, 10)]
    [InlineData(100, 500, 200, 200, 100, 100)]
    public void crop_the_middle_in_the_proportions_that_are_asked_for(
        int imageWidth, int imageHeight, int width, int height, int expectedWidth, int expectedHeight)
    {
        var plan = ThumbnailPlan.Make(imageWidth, imageHeight, new ThumbnailWish(width, height, ThumbnailMethod.Crop, false));
        Assert.Equal((expectedWidth, expectedHeight), (plan!.Value.Width, plan.Value.Height));
    }

    [Fact]
    public void images_are_told_by_their_first_bytes()
    {
        Assert.Equal(ImageFormat.Png, ImageFormats.Detect(TestImages.Png(3, 3)));
        Assert.Equal(ImageFormat.Jpeg, ImageFormats.Detect(TestImages.Jpeg(3, 3)));
        Assert.Equal(ImageFormat.Webp, ImageFormats.Detect(TestImages.Webp(3, 3)));
        Assert.Equal(ImageFormat.Gif, ImageFormats.Detect(TestImages.Gif(3, 3, 2)));
        var apng = TestImages.Png(3, 3);
        byte[] chunk = [0, 0, 0, 8, .. "acTL"u8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        Assert.Equal(ImageFormat.Apng, ImageFormats.Detect([.. apng[..33], .. chunk, .. apng[33..]]));
        Assert.Null(ImageFormats.Detect("<svg/>"u8));
        Assert.Null(ImageFormats.Detect([]));
    }

    /// <summary>Cut and mangled images are no crash: they have no thumbnail.</summary>
    [Fact]
    public void mangled_heads_never_throw() => Gen.Select(Gen.Int[0, 3], Gen.Byte.Array[0, 64], Gen.Int[0, 40])
        .Sample((kind, noise, cut) =>
        {
            byte[] head = kind switch
            {
                0 => [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A],
                1 => [.. "GIF89a"u8],
                2 => [.. "RIFF\0\0\0\0WEBP"u8],
                _ => [0, 0, 0, 0, .. "ftypavif"u8],
            };
            byte[] all = [.. head, .. noise];
            ImageFormats.Detect(all.AsSpan(0, Math.Min(cut, all.Length)));
        });
}
