using System.Collections.Concurrent;
using Matrix.EventSourced.Media.Blobs;

namespace Matrix.EventSourced.Media.Images;

/// <summary>A thumbnail, or why there is none.</summary>
public abstract record ThumbnailResult
{
    private ThumbnailResult()
    {
    }

    /// <summary>The content, which the caller disposes. Shape: Name tells it from others of the same blob.</summary>
    public sealed record Made(Stream Content, string ContentType, string Name) : ThumbnailResult;

    /// <summary>The image itself is what is to be shown: it is no larger, of a type that is allowed, and moves only if
    /// it may.</summary>
    public sealed record Original(string ContentType) : ThumbnailResult;

    /// <summary>It is no image that is decoded here, or a broken one.</summary>
    public sealed record NoImage : ThumbnailResult;

    /// <summary>It has more pixels than are decoded.</summary>
    public sealed record TooLarge : ThumbnailResult;

    /// <summary>The bytes are gone.</summary>
    public sealed record Missing : ThumbnailResult;
}

/// <summary>Makes thumbnails and keeps them beside their blobs.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #thumbnails: nothing is enlarged, nothing is smaller than asked for where the image is
/// not.
/// Each is made once, however many ask at a time; few images are decoded at a time.
/// </remarks>
public sealed class Thumbnails(IBlobStore blobs, ImageLimits limits, TimeProvider time) : IDisposable
{
    private static readonly (string Ending, string Type)[] Kinds =
        [("jpg", "image/jpeg"), ("png", "image/png"), ("webp", "image/webp")];

    private readonly ConcurrentDictionary<(BlobId, ThumbnailWish), Lazy<Task<Outcome>>> _underWay = new();
    private readonly SemaphoreSlim _decoders = new(ImageLimits.DecodingMax, ImageLimits.DecodingMax);

    public async ValueTask<ThumbnailResult> FindAsync(
        BlobId id, ThumbnailWish asked, CancellationToken cancellationToken)
    {
        var wish = asked.Rounded();
        if (FindKept(id, wish) is { } kept)
            return kept;
        var key = (id, wish);
        var making = _underWay.GetOrAdd(key, key => new Lazy<Task<Outcome>>(() => MakeOnceAsync(key)));
        var outcome = await making.Value.WaitAsync(cancellationToken);
        return outcome.Image is { } image
            ? new ThumbnailResult.Made(
                new MemoryStream(image.Bytes, writable: false), TypeOf(image), NameOf(wish, image))
            : outcome.Result!;
    }

    /// <summary>What an image is, without decoding it; null for what is none.</summary>
    public async ValueTask<ImageInfo?> FindInfoAsync(BlobId id, CancellationToken cancellationToken)
    {
        await using var content = blobs.Open(id);
        if (content is null || await DetectAsync(content, cancellationToken) is not { } format)
            return null;
        await _decoders.WaitAsync(cancellationToken);
        try
        {
            return ImageDecoder.FindInfo(content, format);
        }
        finally
        {
            _decoders.Release();
        }
    }

    public void Dispose() => _decoders.Dispose();

    private ThumbnailResult.Made? FindKept(BlobId id, ThumbnailWish wish)
    {
        foreach (var (ending, type) in Kinds)
        {
            var name = $"{wish.Name}.{ending}";
            if (blobs.OpenDerived(id, name) is { } content)
                return new ThumbnailResult.Made(content, type, name);
        }
        return null;
    }

    private async Task<Outcome> MakeOnceAsync((BlobId Id, ThumbnailWish Wish) key)
    {
        try
        {
            return await MakeAsync(key.Id, key.Wish);
        }
        finally
        {
            _underWay.TryRemove(key, out _);
        }
    }

    private async Task<Outcome> MakeAsync(BlobId id, ThumbnailWish wish)
    {
        if (await FindInfoAsync(id, CancellationToken.None) is not { } info)
            return blobs.SizeOf(id) is null ? new ThumbnailResult.Missing() : new ThumbnailResult.NoImage();
        // An APNG's frames cannot be decoded, so its thumbnail does not move; the image itself may.
        var moves = info.Frames > 1 || info.Format == ImageFormat.Apng;
        var isAnimated = wish.IsAnimated && info.Frames > 1 && info.Frames <= ImageLimits.FramesMax;
        if ((long)info.Width * info.Height * (isAnimated ? info.Frames : 1) > limits.PixelsMax)
            return new ThumbnailResult.TooLarge();
        var plan = ThumbnailPlan.Make(info.Width, info.Height, wish);
        if (plan is null && info.Format != ImageFormat.Avif && (wish.IsAnimated || !moves))
            return new ThumbnailResult.Original(ImageFormats.TypeOf(info.Format));
        var whole = new ThumbnailPlan(info.Width, info.Height, info.Width, info.Height);

        await _decoders.WaitAsync();
        EncodedImage? image;
        try
        {
            await using var content = blobs.Open(id);
            if (content is null)
                return new ThumbnailResult.Missing();
            image = ImageDecoder.Reduce(content, plan ?? whole, info, isAnimated, time);
        }
        finally
        {
            _decoders.Release();
        }
        if (image is null)
            return new ThumbnailResult.NoImage();
        await blobs.KeepDerivedAsync(id, NameOf(wish, image), image.Bytes, ImageLimits.KeptMax);
        return new Outcome(null, image);
    }

    private static async ValueTask<ImageFormat?> DetectAsync(Stream content, CancellationToken cancellationToken)
    {
        var head = new byte[(int)Math.Min(content.Length, ImageFormats.HeadBytes)];
        await content.ReadExactlyAsync(head, cancellationToken);
        content.Position = 0;
        return ImageFormats.Detect(head);
    }

    private static string NameOf(ThumbnailWish wish, EncodedImage image) => $"{wish.Name}.{image.Ending}";

    private static string TypeOf(EncodedImage image) => Array.Find(Kinds, kind => kind.Ending == image.Ending).Type;

    /// <summary>What all who wait get: the bytes, or why there are none.</summary>
    private sealed record Outcome(ThumbnailResult? Result, EncodedImage? Image)
    {
        public static implicit operator Outcome(ThumbnailResult result) => new(result, null);
    }
}
