using Matrix.EventSourced.Media.Blobs;
using Matrix.EventSourced.Media.Images;

namespace Matrix.EventSourced.Api.Tests.MediaApi;

/// <summary>Images with bytes changed, cut out and cut off: a thumbnail or none, never an exception, never a crash.</summary>
public sealed class Mangled_images : IDisposable
{
    private const int Seed = 8_087;

    private readonly string _folder = Directory.CreateTempSubdirectory("mes-mangled-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task have_a_thumbnail_or_none()
    {
        var store = new FileBlobStore(_folder, TimeProvider.System);
        using var thumbnails = new Thumbnails(store, new ImageLimits(4_000_000), TimeProvider.System);
        byte[][] images =
        [
            TestImages.Png(60, 40), TestImages.Jpeg(60, 40), TestImages.Webp(60, 40), TestImages.Gif(60, 40, 3),
        ];
        var random = new Random(Seed);
        var made = 0;
        for (var run = 0; run < 240; run++)
        {
            var image = Mangle([.. images[run % images.Length]], random);
            await using var draft = store.BeginDraft();
            await draft.WriteAsync(image, CancellationToken.None);
            var blob = await draft.KeepAsync();
            var method = random.Next(2) == 0 ? ThumbnailMethod.Crop : ThumbnailMethod.Scale;
            var wish = new ThumbnailWish(random.Next(1, 50), random.Next(1, 50), method, random.Next(2) == 0);
            try
            {
                var result = await thumbnails.FindAsync(blob, wish, CancellationToken.None);
                if (result is ThumbnailResult.Made thumbnail)
                {
                    made++;
                    await thumbnail.Content.DisposeAsync();
                }
            }
            catch (Exception problem)
            {
                throw new Xunit.Sdk.XunitException($"Seed {Seed}, run {run}, {wish}: {problem}");
            }
        }
        Assert.InRange(made, 1, 239);
    }

    private static byte[] Mangle(byte[] image, Random random)
    {
        for (var changes = random.Next(1, 6); changes > 0; changes--)
        {
            var at = random.Next(image.Length);
            switch (random.Next(3))
            {
                case 0:
                    image[at] = (byte)random.Next(256);
                    break;
                case 1:
                    image = image[..Math.Min(image.Length, Math.Max(16, at))];
                    break;
                default:
                    image = [.. image[..at], .. image[Math.Min(image.Length, at + random.Next(9))..]];
                    break;
            }
        }
        return image;
    }
}
