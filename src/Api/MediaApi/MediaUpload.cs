using System.Buffers;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.MediaApi;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Media.Blobs;
using Matrix.EventSourced.Media.Content;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;
using Microsoft.AspNetCore.Http.Features;

namespace Matrix.EventSourced.Api.MediaApi;

/// <summary>Takes an upload in: never more of it in memory than a buffer.</summary>
/// <remarks>
/// <code>
///   admission (id, quota, announced size) → body ─buffer─► draft (hashed, counted) → durable blob → fact
/// </code>
/// A request that breaks off leaves nothing; a crash after the blob leaves a file that nothing names.
/// </remarks>
internal sealed partial class MediaUpload(
    IBlobStore blobs, UploadAdmission admission, MediaPolicy policy, IMediator mediator, ILogger<MediaUpload> logger)
{
    /// <summary>LIMIT: bytes of an upload in memory. Ours: large enough that a file is written in few calls.</summary>
    private const int BufferBytes = 128 * 1024;

    private static readonly MatrixError NoStorage =
        new(503, ErrCodes.Unknown, "The server cannot store this now; try again later.");

    private MatrixError TooLarge { get; } =
        MatrixError.TooLarge($"An upload has at most {policy.UploadBytesMax} bytes.");

    /// <param name="request">Its body is the content.</param>
    /// <param name="mediaId">The id that was given out before; null for a new one.</param>
    public async ValueTask<CommandResult<MediaId>> ReceiveAsync(MatrixRequest request, MediaId? mediaId)
    {
        var fileName = request.Query("filename") is { Length: > 0 } name ? name : null;
        if (fileName is not null && !ContentDisposition.IsKept(fileName))
            return MatrixError.InvalidParam($"filename has at most {ContentDisposition.FileNameBytesMax} bytes.");
        var http = request.Http;
        var declared = http.Request.ContentLength;
        if (declared > policy.UploadBytesMax)
            return TooLarge;
        var user = request.Requester.UserId;
        if (await admission.FindProblemAsync(
            user, mediaId, declared, request.ReceivedAtMs, request.ClientGone) is { } problem)
        {
            return problem;
        }
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            limit.MaxRequestBodySize = null;
        await using var draft = blobs.BeginDraft();
        if (await CopyAsync(http.Request.Body, draft, request.ClientGone) is { } failed)
            return failed;
        BlobId blob;
        try
        {
            blob = await draft.KeepAsync();
        }
        catch (IOException exception)
        {
            LogNoStorage(exception);
            return NoStorage;
        }
        var content = new MediaContent(blob.Value, draft.Size, MediaTypes.Kept(http.Request.ContentType), fileName);
        return await mediator.Send(
            new UploadMedia(request.CommandContext(), user, mediaId, content), CancellationToken.None);
    }

    private async ValueTask<MatrixError?> CopyAsync(
        Stream body, IBlobDraft draft, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            while (true)
            {
                var filled = await ReadAsync(body, buffer, cancellationToken);
                if (filled == 0)
                    return null;
                if (draft.Size + filled > policy.UploadBytesMax)
                    return TooLarge;
                try
                {
                    await draft.WriteAsync(buffer.AsMemory(0, filled), cancellationToken);
                }
                catch (IOException exception)
                {
                    LogNoStorage(exception);
                    return NoStorage;
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Fills the buffer as far as the body goes: what comes in small pieces is not written in small
    /// pieces.</summary>
    private static async ValueTask<int> ReadAsync(Stream body, byte[] buffer, CancellationToken cancellationToken)
    {
        var filled = 0;
        while (filled < BufferBytes)
        {
            var read = await body.ReadAsync(buffer.AsMemory(filled, BufferBytes - filled), cancellationToken);
            if (read == 0)
                break;
            filled += read;
        }
        return filled;
    }

    [LoggerMessage(LogLevel.Error, "An upload could not be written to the store of media")]
    private partial void LogNoStorage(Exception exception);
}
