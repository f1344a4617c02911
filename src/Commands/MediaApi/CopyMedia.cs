using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts.MediaApi;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.MediaApi;

/// <summary>Content of another server's media, durable in the store of blobs, is a copy that is served.</summary>
public sealed record CacheRemoteMedia(
    CommandContext Context, ServerName Origin, MediaId MediaId, MediaContent Content) : ICommand<Unit>;

public sealed class CacheRemoteMediaHandler(AggregateStore<MediaState> media)
    : IRequestHandler<CacheRemoteMedia, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(CacheRemoteMedia command, CancellationToken cancellationToken)
    {
        var content = command.Content;
        var cached = new RemoteMediaCached(
            command.Origin,
            command.MediaId,
            content.Sha256,
            content.SizeBytes,
            content.ContentType,
            content.FileName);
        var execution = await media.ExecuteAsync(
            MediaStreams.Remote(command.Origin, command.MediaId),
            state => MediaDecider.Cache(state, cached),
            command.Context,
            CancellationToken.None);
        return execution.ToResult(Unit.Value);
    }
}

/// <summary>The image of a web page, durable in the store of blobs, becomes media of this server, so that a preview can
/// show it.</summary>
/// <remarks>Spec: v1.19 client-server-api #get_matrixclientv1mediapreview_url. Shape: Address is the image's.</remarks>
public sealed record CopyPreviewImage(CommandContext Context, string Address, MediaContent Content)
    : ICommand<MediaId>;

public sealed class CopyPreviewImageHandler(AggregateStore<MediaState> media, IRandom random)
    : IRequestHandler<CopyPreviewImage, CommandResult<MediaId>>
{
    public async Task<CommandResult<MediaId>> Handle(CopyPreviewImage command, CancellationToken cancellationToken)
    {
        var mediaId = MediaIds.New(random);
        var content = command.Content;
        var uploaded = new MediaUploaded(
            mediaId, content.Sha256, content.SizeBytes, content.ContentType, PreviewOf: command.Address);
        var execution = await media.ExecuteAsync(
            MediaStreams.Own(mediaId),
            state => MediaDecider.Upload(state, uploaded),
            command.Context,
            CancellationToken.None);
        return execution.ToResult(mediaId);
    }
}
