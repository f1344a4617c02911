using NetVips;

namespace Matrix.EventSourced.Api.Tests.MediaApi;

/// <summary>Images made for tests, and what comes back looked at.</summary>
internal static class TestImages
{
    public static byte[] Png(int width, int height)
    {
        using var image = Colours(width, height);
        return image.PngsaveBuffer();
    }

    public static byte[] Jpeg(int width, int height, int orientation = 1)
    {
        using var image = Colours(width, height);
        using var turned = image.Mutate(mutable => mutable.Set(GValue.GIntType, "orientation", orientation));
        return turned.JpegsaveBuffer();
    }

    /// <summary>Half of it is transparent.</summary>
    public static byte[] Webp(int width, int height)
    {
        using var image = Colours(width, height);
        using var clear = image.Bandjoin(128);
        return clear.WebpsaveBuffer();
    }

    /// <summary>Frames of different colours.</summary>
    public static byte[] Gif(int width, int height, int frames)
    {
        var images = Enumerable.Range(0, frames).Select(
            frame => Colours(width, height).Linear([1], [frame * 20]).Cast(Enums.BandFormat.Uchar)).ToArray();
        using var joined = Image.Arrayjoin(images, across: 1);
        using var paged = joined.Mutate(mutable => mutable.Set(GValue.GIntType, "page-height", height));
        return paged.GifsaveBuffer();
    }

    /// <summary>Width, height of one frame, and frames.</summary>
    public static (int Width, int Height, int Frames) SizeOf(byte[] bytes)
    {
        using var image = Image.NewFromBuffer(bytes);
        return (image.Width, image.PageHeight, image.Contains("n-pages") ? (int)image.Get("n-pages") : 1);
    }

    private static Image Colours(int width, int height)
    {
        using var xyz = Image.Xyz(width, height);
        using var scaled = xyz.Linear([255.0 / width, 255.0 / height], [0, 0]);
        using var three = scaled.Bandjoin(77);
        using var bytes = three.Cast(Enums.BandFormat.Uchar);
        return bytes.Copy(interpretation: Enums.Interpretation.Srgb);
    }
}
