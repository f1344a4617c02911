using System.Globalization;

namespace Matrix.EventSourced.Media.Images;

/// <summary>How an image is fitted to a size.</summary>
public enum ThumbnailMethod
{
    /// <summary>The whole image, in its own proportions.</summary>
    Scale,

    /// <summary>The middle of the image, in the proportions of the size.</summary>
    Crop,
}

/// <summary>What thumbnail is asked for.</summary>
/// <remarks>Spec: v1.19 client-server-api #thumbnails. Units: pixels, both at least 1.</remarks>
public readonly record struct ThumbnailWish(int Width, int Height, ThumbnailMethod Method, bool IsAnimated)
{
    /// <summary>The spec's sizes, and larger ones for larger screens.</summary>
    private static readonly (int Width, int Height)[] ScaledSizes =
        [(32, 32), (96, 96), (320, 240), (640, 480), (800, 600), (1600, 1200), (3200, 2400)];

    /// <summary>The wish that is really made: scaled images come in a few sizes, each at least as large as what was
    /// asked for, so that few are kept.</summary>
    /// <remarks>A cropped image has the proportions that were asked for, so its size is kept as it is.</remarks>
    public ThumbnailWish Rounded()
    {
        if (Method == ThumbnailMethod.Crop)
            return this;
        foreach (var (width, height) in ScaledSizes)
        {
            if (width >= Width && height >= Height)
                return this with { Width = width, Height = height };
        }
        return this;
    }

    /// <summary>The file's name without its ending.</summary>
    public string Name => string.Create(
        CultureInfo.InvariantCulture,
        $"{Width}x{Height}-{(Method == ThumbnailMethod.Crop ? "crop" : "scale")}{(IsAnimated ? "-animated" : "")}");
}

/// <summary>Which part of an image becomes a thumbnail of which size. Pure.</summary>
/// <remarks>Shape: the part is in the middle of the image scaled to ScaledWidth and ScaledHeight. Never larger than the
/// image.</remarks>
public readonly record struct ThumbnailPlan(int ScaledWidth, int ScaledHeight, int Width, int Height)
{
    /// <summary>Null when the image is no larger than what is asked for: then it is its own thumbnail.</summary>
    public static ThumbnailPlan? Make(int imageWidth, int imageHeight, ThumbnailWish wish)
    {
        if (imageWidth <= wish.Width && imageHeight <= wish.Height)
            return null;
        if (wish.Method == ThumbnailMethod.Scale)
        {
            // The smallest image in its own proportions that is at least as large both ways.
            var factor = Math.Max((double)wish.Width / imageWidth, (double)wish.Height / imageHeight);
            if (factor >= 1)
                return null;
            var (scaledWidth, scaledHeight) = Scaled(imageWidth, imageHeight, factor);
            return new ThumbnailPlan(scaledWidth, scaledHeight, scaledWidth, scaledHeight);
        }
        var width = (double)wish.Width;
        var height = (double)wish.Height;
        // Too large for the image in one direction: smaller, in the same proportions.
        var shrink = Math.Min(1, Math.Min(imageWidth / width, imageHeight / height));
        width *= shrink;
        height *= shrink;
        var cover = Math.Min(1, Math.Max(width / imageWidth, height / imageHeight));
        var (coverWidth, coverHeight) = Scaled(imageWidth, imageHeight, cover);
        return new ThumbnailPlan(
            coverWidth,
            coverHeight,
            Math.Clamp((int)Math.Round(width), 1, coverWidth),
            Math.Clamp((int)Math.Round(height), 1, coverHeight));
    }

    private static (int Width, int Height) Scaled(int width, int height, double factor) => (
        Math.Clamp((int)Math.Ceiling((width * factor) - 1e-6), 1, width),
        Math.Clamp((int)Math.Ceiling((height * factor) - 1e-6), 1, height));
}
