namespace Matrix.EventSourced.Media.Images;

/// <summary>Bounds of decoding images, each with its source.</summary>
/// <remarks>Units: PixelsMax, of all frames that are decoded together.</remarks>
public sealed record ImageLimits(long PixelsMax)
{
    /// <summary>LIMIT: images decoded at once. Ours: decoders of two cores' worth; each may take hundreds of
    /// MiB.</summary>
    public const int DecodingMax = 2;

    /// <summary>LIMIT: one thumbnail. Ours: what takes longer was made to.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(20);

    /// <summary>LIMIT: thumbnails kept of one image. Ours: clients ask for a few sizes; others are made each
    /// time.</summary>
    public const int KeptMax = 24;

    /// <summary>LIMIT: frames of an animated thumbnail. Ours: ten seconds at 30 a second.</summary>
    public const int FramesMax = 300;
}

/// <summary>What an image is, by its header alone. Units: pixels of one frame, upright.</summary>
public sealed record ImageInfo(ImageFormat Format, int Width, int Height, int Frames);
