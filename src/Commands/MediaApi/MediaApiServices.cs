using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.EventSourced.Commands.MediaApi;

/// <summary>Registers the write side of the MediaAPI.</summary>
/// <remarks>Requires: IEventStore, IRandom, <see cref="MediaPolicy"/> and <see cref="IMediaUsage"/> from the
/// host.</remarks>
public static class MediaApiServices
{
    public static IServiceCollection AddMediaApiCommands(this IServiceCollection services)
    {
        services.AddMessaging();
        services.AddSingleton(provider => new AggregateStore<MediaState>(
            provider.GetRequiredService<IEventStore>(), provider.GetRequiredService<FactAppender>()));
        services.AddSingleton<UploaderLocks>();
        services.AddSingleton<UploadAdmission>();
        services.AddTransient<IRequestHandler<CreateMedia, CommandResult<CreatedMedia>>, CreateMediaHandler>();
        services.AddTransient<IRequestHandler<UploadMedia, CommandResult<MediaId>>, UploadMediaHandler>();
        services.AddTransient<IRequestHandler<CacheRemoteMedia, CommandResult<Unit>>, CacheRemoteMediaHandler>();
        services.AddTransient<IRequestHandler<CopyPreviewImage, CommandResult<MediaId>>, CopyPreviewImageHandler>();
        services.AddTransient<IRequestHandler<RemoveMedia, CommandResult<Unit>>, RemoveMediaHandler>();
        services.AddTransient<IRequestHandler<QuarantineMedia, CommandResult<Unit>>, QuarantineMediaHandler>();
        return services;
    }
}
