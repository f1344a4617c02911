using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.MediaApi;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;
using MediatR;

namespace Matrix.EventSourced.Api.MediaApi;

/// <summary>Uploads: at once, or to an id that was given out before.</summary>
internal static class UploadEndpoints
{
    public static readonly EndpointSpec PostSpec = new(
        "POST",
        "/_matrix/media/v3/upload",
        AuthKind.AccessToken,
        RateClass.Upload,
        "client-server-api#post_matrixmediav3upload")
    {
        Aliases = ["/_matrix/media/r0/upload", "/_matrix/media/v1/upload"],
        ForbiddenWhileSuspended = true,
    };

    public static readonly EndpointSpec PutSpec = new(
        "PUT",
        "/_matrix/media/v3/upload/{serverName}/{mediaId}",
        AuthKind.AccessToken,
        RateClass.Upload,
        "client-server-api#put_matrixmediav3uploadservernamemediaid")
    {
        ForbiddenWhileSuspended = true,
    };

    public static readonly EndpointSpec CreateSpec = new(
        "POST",
        "/_matrix/media/v1/create",
        AuthKind.AccessToken,
        RateClass.Upload,
        "client-server-api#post_matrixmediav1create")
    {
        ForbiddenWhileSuspended = true,
    };

    public static void Map(EndpointTable table)
    {
        table.Add(PostSpec, PostAsync);
        table.Add(PutSpec, PutAsync);
        table.Add(CreateSpec, CreateAsync);
    }

    private static async ValueTask<MatrixResponse> PostAsync(MatrixRequest request) =>
        await request.Get<MediaUpload>().ReceiveAsync(request, mediaId: null) switch
        {
            CommandResult<MediaId>.Refused refused => refused.Error,
            CommandResult<MediaId>.Done done => Answer(UriOf(request, done.Value), null),
            _ => throw new InvalidOperationException("A command is done or refused."),
        };

    private static async ValueTask<MatrixResponse> PutAsync(MatrixRequest request)
    {
        if (!request.TryGetMedia(out var media) || media.Server != request.Get<ServerIdentity>().Name)
            return MediaRequests.NotFound;
        return await request.Get<MediaUpload>().ReceiveAsync(request, media.MediaId)
            is CommandResult<MediaId>.Refused refused ? refused.Error : MatrixResponse.Empty;
    }

    private static async ValueTask<MatrixResponse> CreateAsync(MatrixRequest request)
    {
        var result = await request.Get<IMediator>().Send(
            new CreateMedia(request.CommandContext(), request.Requester.UserId), CancellationToken.None);
        return result switch
        {
            CommandResult<CreatedMedia>.Refused refused => refused.Error,
            CommandResult<CreatedMedia>.Done { Value: var created } =>
                Answer(UriOf(request, created.MediaId), created.UnusedExpiresAtMs),
            _ => throw new InvalidOperationException("A command is done or refused."),
        };
    }

    private static MxcUri UriOf(MatrixRequest request, MediaId mediaId) =>
        new(request.Get<ServerIdentity>().Name, mediaId);

    private static MatrixResponse.Json Answer(MxcUri uri, long? expiresAtMs) => new(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("content_uri"u8, uri.ToString());
        if (expiresAtMs is { } expires)
            writer.WriteNumber("unused_expires_at"u8, expires);
        writer.WriteEndObject();
    });
}
