using Matrix.EventSourced.Api.Adapters;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.FederationApi;
using Matrix.EventSourced.Api.Hosting;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Api.MediaApi;
using Matrix.EventSourced.Commands.MediaApi;
using Matrix.EventSourced.Federation.RemoteMedia;
using Matrix.EventSourced.Federation.UrlPreviews;
using Matrix.EventSourced.Media.Blobs;
using Matrix.EventSourced.Media.Images;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.MediaApi;

namespace Matrix.EventSourced.Api;

public static partial class Composition
{
    /// <summary>The content repository.</summary>
    /// <remarks>Requires: the transport to other servers is registered.</remarks>
    internal static void AddMediaApi(IServiceCollection services, HomeserverConfig config)
    {
        services.AddSingleton<IBlobStore>(static provider => new FileBlobStore(
            provider.GetRequiredService<DataFolder>().MediaFolder, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(new MediaPolicy(
            config.Media.UploadBytesMax,
            config.Media.QuotaBytes,
            config.Media.PendingMax,
            config.Media.PendingLifetime));
        services.AddSingleton<IMediaUsage, MediaUsageLookup>();
        services.AddMediaApiCommands();
        services.AddSingleton<MediaArrivals>();
        services.AddSingleton<IProjection, MediaProjection>();
        services.AddSingleton<MediaQueries>();
        services.AddSingleton(new ImageLimits(config.Media.ThumbnailPixelsMax));
        services.AddSingleton<Thumbnails>();
        services.AddSingleton(new RemoteMediaOptions(config.Media.RemoteBytesMax));
        services.AddSingleton<IRemoteMedia, RemoteMedia>();
        services.AddSingleton(new UrlPreviewOptions
        {
            IsOn = config.UrlPreviews.IsOn,
            AllowedHosts = config.UrlPreviews.AllowedHosts,
            DeniedHosts = config.UrlPreviews.DeniedHosts,
            DeniedIpRanges = config.Federation.DeniedIpRanges,
            AllowsPrivateAddresses = config.UrlPreviews.AllowPrivateAddresses,
            UserAgent = $"{ServerVersion.Name}/{ServerVersion.Version} (preview bot)",
        });
        services.AddSingleton<PageFetcher>();
        services.AddSingleton<PreviewImages>();
        services.AddSingleton<UrlPreviews>();
        services.AddSingleton<MediaUpload>();
        services.AddSingleton<MediaReader>();
        services.AddSingleton<MediaSweep>();
        services.AddHostedService<MediaSweepHost>();
    }

    internal static void MapMediaApi(EndpointTable table)
    {
        UploadEndpoints.Map(table);
        MediaConfigEndpoints.Map(table);
        DownloadEndpoints.Map(table);
        ThumbnailEndpoints.Map(table);
        PreviewEndpoints.Map(table);
    }

    /// <summary>Media for other servers.</summary>
    internal static void MapMediaForServers(EndpointTable table) => MediaForServers.Map(table);
}
