using System.Buffers.Binary;

namespace Matrix.EventSourced.Media.Images;

/// <summary>Formats of images that are decoded here; nothing else is ever given to the decoders.</summary>
public enum ImageFormat
{
    Jpeg,
    Png,

    /// <summary>PNG with frames; only its first one is decoded.</summary>
    Apng,
    Gif,
    Webp,
    Avif,
}

/// <summary>Tells images from their first bytes, whatever type was declared.</summary>
public static class ImageFormats
{
    /// <summary>LIMIT: bytes that are looked at. Ours: colour profiles stand before a PNG says that it is
    /// animated.</summary>
    public const int HeadBytes = 64 * 1024;

    /// <summary>The format; null for what is no image, or none of these.</summary>
    public static ImageFormat? Detect(ReadOnlySpan<byte> head)
    {
        if (head.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF]))
            return ImageFormat.Jpeg;
        if (head.StartsWith((ReadOnlySpan<byte>)[0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]))
            return IsAnimatedPng(head) ? ImageFormat.Apng : ImageFormat.Png;
        if (head.StartsWith("GIF87a"u8) || head.StartsWith("GIF89a"u8))
            return ImageFormat.Gif;
        if (head.Length >= 12 && head.StartsWith("RIFF"u8) && head[8..].StartsWith("WEBP"u8))
            return ImageFormat.Webp;
        if (head.Length >= 12 && head[4..].StartsWith("ftyp"u8)
            && (head[8..].StartsWith("avif"u8) || head[8..].StartsWith("avis"u8)))
        {
            return ImageFormat.Avif;
        }
        return null;
    }

    public static string TypeOf(ImageFormat format) => format switch
    {
        ImageFormat.Jpeg => "image/jpeg",
        ImageFormat.Png => "image/png",
        ImageFormat.Apng => "image/apng",
        ImageFormat.Gif => "image/gif",
        ImageFormat.Webp => "image/webp",
        _ => "image/avif",
    };

    /// <summary>The chunk <c>acTL</c> must come before the first <c>IDAT</c>.</summary>
    private static bool IsAnimatedPng(ReadOnlySpan<byte> head)
    {
        var at = 8;
        while (at + 8 <= head.Length)
        {
            var type = head.Slice(at + 4, 4);
            if (type.SequenceEqual("acTL"u8))
                return true;
            if (type.SequenceEqual("IDAT"u8))
                return false;
            var length = BinaryPrimitives.ReadUInt32BigEndian(head[at..]);
            if (length > (uint)head.Length)
                return false;
            at += (int)length + 12;
        }
        return false;
    }
}
