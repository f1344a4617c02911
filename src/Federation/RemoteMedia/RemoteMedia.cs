using System.Collections.Concurrent;
using System.Globalization;
using Matrix.EventSourced.Commands.MediaApi;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Media.Blobs;
using Matrix.EventSourced.Media.Content;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Federation.RemoteMedia;

/// <inheritdoc/>
/// <remarks>
/// Spec: v1.19 server-server-api #content-repository.
/// <code>
///   GET /_matrix/federation/v1/media/download/{id}    signed; multipart: JSON, then bytes or a Location
///        │ 404 M_UNRECOGNIZED
///        ▼
///   GET /_matrix/media/v3/download/{server}/{id}      unsigned, allow_remote=false
///        │
///        ▼ bytes ─► draft (hashed, counted) ─► durable blob ─► RemoteMediaCached
/// </code>
/// However many ask for the same media, it is copied once. What failed is not tried again for a minute.
/// Errors: M_NOT_FOUND and M_NOT_YET_UPLOADED as the other server says them; M_TOO_LARGE with 502; 502 for all else.
/// </remarks>
public sealed partial class RemoteMedia(
    IStreamingTransport transport,
    IBlobStore blobs,
    IMediator mediator,
    RemoteMediaOptions options,
    TimeProvider time,
    ILogger<RemoteMedia> logger) : IRemoteMedia
{
    private static readonly MatrixError NotFound = MatrixError.NotFound("The other server has no such media.");
    private static readonly MatrixError NotYetUploaded =
        new(504, ErrCodes.NotYetUploaded, "The media has not been uploaded to its server yet.");

    private readonly ConcurrentDictionary<MxcUri, Lazy<Task<RemoteMediaResult>>> _underWay = new();
    private readonly RecentFailures _failures = new(time);

    public async ValueTask<RemoteMediaResult> FetchAsync(
        MxcUri media, TimeSpan wait, CommandContext context, CancellationToken cancellationToken)
    {
        if (_failures.Find(media) is { } failure)
            return failure;
        var copy = _underWay.GetOrAdd(
            media, media => new Lazy<Task<RemoteMediaResult>>(() => CopyOnceAsync(media, wait, context)));
        return await copy.Value.WaitAsync(cancellationToken);
    }

    private async Task<RemoteMediaResult> CopyOnceAsync(MxcUri media, TimeSpan wait, CommandContext context)
    {
        try
        {
            var result = await CopyWithinAsync(media, wait, context);
            // What is still to be uploaded may be there the next moment.
            if (result is RemoteMediaResult.Refused { Error: { Status: not 504 } error })
                _failures.Note(media, error);
            return result;
        }
        finally
        {
            _underWay.TryRemove(media, out _);
        }
    }

    private async Task<RemoteMediaResult> CopyWithinAsync(MxcUri media, TimeSpan wait, CommandContext context)
    {
        using var whole = new CancellationTokenSource(RemoteMediaOptions.WholeMax, time);
        try
        {
            return await CopyAsync(media, wait, context, whole.Token);
        }
        catch (Exception problem) when (problem is IOException or HttpRequestException or TimeoutException
            or OperationCanceledException or InvalidDataException)
        {
            LogBrokenOff(media.ToString(), TransportFault.Describe(problem));
            return Failed("The media could not be copied from its server.");
        }
    }

    private async Task<RemoteMediaResult> CopyAsync(
        MxcUri media, TimeSpan wait, CommandContext context, CancellationToken cancellationToken)
    {
        var waitMs = ((long)wait.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);
        var timeout = wait + RemoteMediaOptions.HeadersTimeout;
        var request = new FederationRequest(
            media.Server, "GET", $"/_matrix/federation/v1/media/download/{media.MediaId}?timeout_ms={waitMs}")
        {
            Timeout = timeout,
        };
        using (var answer = await transport.OpenAsync(request, cancellationToken))
        {
            if (answer.Response is not { } response)
                return Failed(media, answer.Failure!);
            if (response.IsSuccessStatusCode)
                return await TakeMultipartAsync(media, response, context, cancellationToken);
            var error = await ReadErrorAsync(response, cancellationToken);
            if (!error.IsUnknownEndpoint)
                return Refused(media, error);
        }
        request = request with
        {
            Uri = $"/_matrix/media/v3/download/{Uri.EscapeDataString(media.Server.Value)}/{media.MediaId}"
                + $"?allow_remote=false&timeout_ms={waitMs}",
            IsSigned = false,
        };
        using var older = await transport.OpenAsync(request, cancellationToken);
        if (older.Response is not { } body)
            return Failed(media, older.Failure!);
        return body.IsSuccessStatusCode
            ? await KeepAsync(media, body, context, cancellationToken)
            : Refused(media, await ReadErrorAsync(body, cancellationToken));
    }

    /// <summary>The content of a plain answer.</summary>
    private async Task<RemoteMediaResult> KeepAsync(
        MxcUri media, HttpResponseMessage response, CommandContext context, CancellationToken cancellationToken)
    {
        if (response.Content.Headers.ContentLength > options.BytesMax)
            return MediaDraft.TooLarge;
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        return await KeepAsync(
            media, body, Header(response, "Content-Type"), Header(response, "Content-Disposition"), context,
            cancellationToken);
    }

    private async Task<RemoteMediaResult> KeepAsync(
        MxcUri media,
        Stream body,
        string? contentType,
        string? disposition,
        CommandContext context,
        CancellationToken cancellationToken)
    {
        await using var draft = blobs.BeginDraft();
        if (!await MediaDraft.CopyAsync(body, draft, options.BytesMax, time, cancellationToken))
            return MediaDraft.TooLarge;
        var blob = await draft.KeepAsync();
        var content = new MediaContent(
            blob.Value, draft.Size, MediaTypes.Kept(contentType), ContentDisposition.FindFileName(disposition));
        var cached = await mediator.Send(
            new CacheRemoteMedia(context, media.Server, media.MediaId, content), CancellationToken.None);
        return cached is CommandResult<Unit>.Refused refused
            ? refused.Error
            : new RemoteMediaResult.Copied(blob, content.SizeBytes, content.ContentType, content.FileName);
    }

    private static async ValueTask<RemoteError> ReadErrorAsync(
        HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var body = await BoundedBody.ReadAsync(response, RemoteMediaOptions.JsonBytesMax, cancellationToken);
        return AnswerReading.Error(new FederationAnswer.Answered((int)response.StatusCode, body ?? default));
    }

    private RemoteMediaResult Refused(MxcUri media, RemoteError error)
    {
        LogRefused(media.ToString(), error.Status, error.ErrCode);
        return error switch
        {
            { ErrCode: ErrCodes.NotYetUploaded } => NotYetUploaded,
            { ErrCode: ErrCodes.TooLarge } => MediaDraft.TooLarge,
            // Forbidden is how some say that it was taken down.
            { Status: 404 or 403 or 410 } => NotFound,
            _ => Failed("The other server does not give out this media."),
        };
    }

    private RemoteMediaResult Failed(MxcUri media, FederationAnswer failure)
    {
        LogBrokenOff(media.ToString(), failure.ToString());
        return Failed("The other server cannot be reached.");
    }

    private static RemoteMediaResult Failed(string message) => new MatrixError(502, ErrCodes.Unknown, message);

    /// <summary>A header as it came; what is malformed counts as it stands.</summary>
    private static string? Header(HttpResponseMessage response, string name) =>
        response.Content.Headers.NonValidated.TryGetValues(name, out var values) ? values.ToString() : null;

    [LoggerMessage(LogLevel.Information, "{media} was not copied: its server answers {status} {errcode}")]
    private partial void LogRefused(string media, int status, string errcode);

    [LoggerMessage(LogLevel.Information, "{media} was not copied: {problem}")]
    private partial void LogBrokenOff(string media, string problem);
}
