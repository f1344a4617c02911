using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts.MediaApi;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.MediaApi;

/// <summary>Content that is durable in the store of blobs becomes media of this server.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #post_matrixmediav3upload, #put_matrixmediav3uploadservernamemediaid.
/// Shape: MediaId, the id that was given out before; null for a new one.
/// Errors: M_NOT_FOUND, M_FORBIDDEN, M_CANNOT_OVERWRITE_MEDIA for an id that is not free to the user; M_FORBIDDEN over
/// the quota.
/// </remarks>
public sealed record UploadMedia(CommandContext Context, UserId UserId, MediaId? MediaId, MediaContent Content)
    : ICommand<MediaId>;

/// <summary>Bytes in the store, and what is said of them. Shape: as <see cref="MediaUploaded"/>.</summary>
public sealed record MediaContent(string Sha256, long SizeBytes, string ContentType, string? FileName);

public sealed class UploadMediaHandler(
    AggregateStore<MediaState> media, IMediaUsage usage, MediaPolicy policy, UploaderLocks locks, IRandom random)
    : IRequestHandler<UploadMedia, CommandResult<MediaId>>
{
    public async Task<CommandResult<MediaId>> Handle(UploadMedia command, CancellationToken cancellationToken)
    {
        if (policy.QuotaBytes is null)
            return await DecideAsync(command);
        // The quota counts what others of the same user finish meanwhile.
        using var held = await locks.EnterAsync(command.UserId, cancellationToken);
        var used = await usage.FindAsync(command.UserId, command.Context.ReceivedAtMs, cancellationToken);
        return UploadAdmission.FindProblem(policy, used, command.Content.SizeBytes) is { } problem
            ? problem
            : await DecideAsync(command);
    }

    private async Task<CommandResult<MediaId>> DecideAsync(UploadMedia command)
    {
        var mediaId = command.MediaId ?? MediaIds.New(random);
        var content = command.Content;
        var uploaded = new MediaUploaded(
            mediaId, content.Sha256, content.SizeBytes, content.ContentType, content.FileName, command.UserId);
        var execution = await media.ExecuteAsync(
            MediaStreams.Own(mediaId),
            state => command.MediaId is null
                ? MediaDecider.Upload(state, uploaded)
                : MediaDecider.Fill(state, uploaded, command.UserId, command.Context.ReceivedAtMs),
            command.Context);
        return execution.ToResult(mediaId);
    }
}
