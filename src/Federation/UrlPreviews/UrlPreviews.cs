using System.Buffers;
using System.Collections.Concurrent;
using System.Text.Json;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Media.Images;
using Matrix.EventSourced.Media.Pages;
using Matrix.EventSourced.Protocol.Errors;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Federation.UrlPreviews;

/// <summary>Says what is behind an address that a user links to.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #get_matrixclientv1mediapreview_url.
/// <code>
///   address ─► guard ─► page, bounded ─► head ─► og:… ─► image ─► guard ─► media of this server
///                          └ an image itself ────────────────────────────────────┘
/// </code>
/// One fetch per address, however many ask. Errors: M_FORBIDDEN for a place that is not asked; 502 for one that does
/// not answer. What is neither a page nor an image has an empty preview.
/// </remarks>
public sealed partial class UrlPreviews(
    PageFetcher fetcher, PreviewImages images, TimeProvider time, ILogger<UrlPreviews> logger) : IDisposable
{
    private const string PageTypes = "text/html, application/xhtml+xml, image/*;q=0.8, */*;q=0.1";

    private static readonly MatrixError Denied = MatrixError.Forbidden("No preview is made of this address.");
    private static readonly MatrixError Failed =
        new(502, ErrCodes.Unknown, "The page behind this address cannot be fetched.");

    private readonly ConcurrentDictionary<string, Lazy<Task<Preview>>> _underWay = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _fetches = new(UrlPreviewOptions.FetchesMax, UrlPreviewOptions.FetchesMax);
    private readonly PreviewCache _cache = new(time);

    /// <param name="address">http or https, as it was asked for.</param>
    /// <param name="atMs">The time that a version is wished of, Unix milliseconds; null for now.</param>
    /// <param name="context">Who asks.</param>
    /// <param name="cancellationToken">Ends the wait; the fetch goes on for others who wait.</param>
    public async ValueTask<Preview> FindAsync(
        Uri address, long? atMs, CommandContext context, CancellationToken cancellationToken)
    {
        // What stands behind # is the browser's business.
        var key = address.GetComponents(UriComponents.HttpRequestUrl, UriFormat.UriEscaped);
        if (_cache.Find(key, atMs) is { } known)
            return known;
        var making = _underWay.GetOrAdd(
            key, key => new Lazy<Task<Preview>>(() => MakeOnceAsync(key, new Uri(key), context)));
        return await making.Value.WaitAsync(cancellationToken);
    }

    public void Dispose() => _fetches.Dispose();

    private async Task<Preview> MakeOnceAsync(string key, Uri address, CommandContext context)
    {
        try
        {
            using var timeout = new CancellationTokenSource(UrlPreviewOptions.Timeout, time);
            var preview = await MakeBoundedAsync(address, context, timeout.Token);
            _cache.Note(key, preview);
            return preview;
        }
        finally
        {
            _underWay.TryRemove(key, out _);
        }
    }

    private async Task<Preview> MakeBoundedAsync(
        Uri address, CommandContext context, CancellationToken cancellationToken)
    {
        try
        {
            await _fetches.WaitAsync(cancellationToken);
            try
            {
                return await MakeAsync(address, context, cancellationToken);
            }
            finally
            {
                _fetches.Release();
            }
        }
        catch (Exception problem) when (problem is OperationCanceledException or HttpRequestException or IOException
            or TimeoutException)
        {
            LogFailed(address.Host, problem.Message);
            return new Preview(default, Failed);
        }
    }

    private async Task<Preview> MakeAsync(Uri address, CommandContext context, CancellationToken cancellationToken)
    {
        using var page = await fetcher.FetchAsync(address, PageTypes, cancellationToken);
        if (page.Response is not { } response)
        {
            LogFailed(address.Host, page.Problem!);
            return new Preview(default, page.IsDenied ? Denied : Failed);
        }
        var type = response.Content.Headers.ContentType;
        var essence = type?.MediaType ?? string.Empty;
        if (essence.StartsWith("image/", StringComparison.OrdinalIgnoreCase))
        {
            var shown = await images.KeepAsync(response, page.Address!, context, cancellationToken);
            return Write([], shown);
        }
        if (!essence.Equals("text/html", StringComparison.OrdinalIgnoreCase)
            && !essence.Equals("application/xhtml+xml", StringComparison.OrdinalIgnoreCase))
        {
            return Write([], null);
        }
        var html = await ReadBeginningAsync(response, cancellationToken);
        var described = PageReader.Read(html, type?.CharSet, page.Address!);
        var image = described.Image is { } imageAddress
            ? await images.FindAsync(imageAddress, context, cancellationToken)
            : null;
        return Write(described.Properties, image);
    }

    /// <summary>As much of a page as is looked at; what comes after is left unread.</summary>
    private static async ValueTask<ReadOnlyMemory<byte>> ReadBeginningAsync(
        HttpResponseMessage response, CancellationToken cancellationToken)
    {
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        var read = new ArrayBufferWriter<byte>(64 * 1024);
        while (read.WrittenCount < PageReader.BytesMax)
        {
            var room = read.GetMemory(16 * 1024);
            var count = await body.ReadAsync(
                room[..Math.Min(room.Length, PageReader.BytesMax - read.WrittenCount)], cancellationToken);
            if (count == 0)
                break;
            read.Advance(count);
        }
        return read.WrittenMemory;
    }

    private static Preview Write(IReadOnlyList<KeyValuePair<string, string>> properties, PreviewImage? image)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            foreach (var (name, value) in properties)
                json.WriteString(name, value);
            if (image is not null)
            {
                json.WriteString("og:image"u8, image.Uri.ToString());
                json.WriteString("og:image:type"u8, ImageFormats.TypeOf(image.Info.Format));
                json.WriteNumber("og:image:width"u8, image.Info.Width);
                json.WriteNumber("og:image:height"u8, image.Info.Height);
                json.WriteNumber("matrix:image:size"u8, image.SizeBytes);
            }
            json.WriteEndObject();
        }
        return new Preview(buffer.WrittenMemory);
    }

    [LoggerMessage(LogLevel.Information, "No preview of a page of {host}: {problem}")]
    private partial void LogFailed(string host, string problem);
}
