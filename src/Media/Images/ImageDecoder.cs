using Matrix.EventSourced.Media.Blobs;
using NetVips;

namespace Matrix.EventSourced.Media.Images;

/// <summary>A decoded and reduced image, encoded again. Shape: Ending is that of the file's name.</summary>
internal sealed record EncodedImage(byte[] Bytes, string Ending);

/// <summary>The one place that gives bytes to libvips.</summary>
/// <remarks>
/// Requires: the bytes were told to be an image by <see cref="ImageFormats"/>; what is not is refused before.
/// Loaders that libvips itself calls untrusted are blocked. Metadata (places, cameras) is left out of what is made.
/// Errors: null for what cannot be decoded.
/// </remarks>
internal static class ImageDecoder
{
    private const int Quality = 80;

    static ImageDecoder()
    {
        global::NetVips.NetVips.BlockUntrusted = true;
        // The semaphore around this class counts images; each gets one thread.
        global::NetVips.NetVips.Concurrency = 1;
        Cache.Max = 0;
    }

    /// <summary>Width and height as shown, and frames.</summary>
    public static ImageInfo? FindInfo(Stream content, ImageFormat format)
    {
        try
        {
            using var image = Image.NewFromStream(content, access: Enums.Access.Sequential);
            var (width, height) = (image.Width, image.Height);
            var frames = image.Contains("n-pages") ? (int)image.Get("n-pages") : 1;
            if (image.Contains("page-height") && (int)image.Get("page-height") is > 0 and var page)
                height = page;
            // Turned on its side.
            if (image.Contains("orientation") && (int)image.Get("orientation") is >= 5 and <= 8)
                (width, height) = (height, width);
            return new ImageInfo(format, width, height, Math.Max(1, frames));
        }
        catch (VipsException)
        {
            return null;
        }
    }

    /// <summary>Decodes, reduces and encodes.</summary>
    /// <param name="content">The bytes, from the start.</param>
    /// <param name="plan">What of it, and how large.</param>
    /// <param name="info">What it is.</param>
    /// <param name="isAnimated">All frames, as WebP; else the first one.</param>
    /// <param name="time">Counts <see cref="ImageLimits.Timeout"/>.</param>
    public static EncodedImage? Reduce(
        Stream content, ThumbnailPlan plan, ImageInfo info, bool isAnimated, TimeProvider time)
    {
        try
        {
            using var scaled = Image.ThumbnailStream(
                content,
                plan.ScaledWidth,
                optionString: isAnimated ? "n=-1" : "",
                height: plan.ScaledHeight,
                size: Enums.Size.Force,
                outputProfile: "srgb");
            using var kill = time.CreateTimer(
                static state => ((Image)state!).SetKill(true), scaled, ImageLimits.Timeout, Timeout.InfiniteTimeSpan);
            if (isAnimated)
                return Animated(scaled, plan);
            using var cropped = Cropped(scaled, plan);
            return Encoded(cropped ?? scaled, info.Format);
        }
        catch (VipsException)
        {
            return null;
        }
    }

    private static Image? Cropped(Image scaled, ThumbnailPlan plan)
    {
        var width = Math.Min(plan.Width, scaled.Width);
        var height = Math.Min(plan.Height, scaled.Height);
        return width == scaled.Width && height == scaled.Height
            ? null
            : scaled.Crop((scaled.Width - width) / 2, (scaled.Height - height) / 2, width, height);
    }

    /// <summary>What was transparent stays so; photographs stay small.</summary>
    private static EncodedImage Encoded(Image image, ImageFormat format) =>
        image.HasAlpha() || format is ImageFormat.Png or ImageFormat.Apng or ImageFormat.Gif
            ? new EncodedImage(image.PngsaveBuffer(keep: Enums.ForeignKeep.None), "png")
            : new EncodedImage(image.JpegsaveBuffer(q: Quality, keep: Enums.ForeignKeep.None), "jpg");

    /// <summary>Frames stand below each other: each is cut by itself.</summary>
    private static EncodedImage Animated(Image scaled, ThumbnailPlan plan)
    {
        var pageHeight = scaled.Contains("page-height") ? (int)scaled.Get("page-height") : scaled.Height;
        var width = Math.Min(plan.Width, scaled.Width);
        var height = Math.Min(plan.Height, pageHeight);
        if (width == scaled.Width && height == pageHeight)
            return new EncodedImage(scaled.WebpsaveBuffer(q: Quality), "webp");
        var frames = new List<Image>();
        try
        {
            // Frames are read in turn more than once, which a sequential source cannot do.
            using var all = scaled.CopyMemory();
            for (var top = 0; top + pageHeight <= all.Height; top += pageHeight)
            {
                frames.Add(all.Crop(
                    (all.Width - width) / 2, top + ((pageHeight - height) / 2), width, height));
            }
            using var joined = Image.Arrayjoin([.. frames], across: 1);
            using var paged = joined.Mutate(mutable => mutable.Set(GValue.GIntType, "page-height", height));
            return new EncodedImage(paged.WebpsaveBuffer(q: Quality), "webp");
        }
        finally
        {
            foreach (var frame in frames)
                frame.Dispose();
        }
    }
}
