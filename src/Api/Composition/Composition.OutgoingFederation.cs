using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.FederationApi;
using Matrix.EventSourced.Api.Hosting;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Federation.Discovery;
using Matrix.EventSourced.Federation.FedSender;
using Matrix.EventSourced.Federation.ServerKeyApi;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Projections.FedSender;
using Matrix.EventSourced.Projections.Hosting;

namespace Matrix.EventSourced.Api;

public static partial class Composition
{
    /// <summary>Discovery, transport, ServerKeyAPI and FedSender.</summary>
    /// <remarks>Requires: the projection host is registered before: hosted services start in that order, and stop in
    /// the other.</remarks>
    internal static void AddOutgoingFederation(IServiceCollection services, HomeserverConfig config)
    {
        services.AddSingleton(new FederationOptions
        {
            Authorities = Authorities(config.Federation.CaFile),
            VerifiesCertificates = config.Federation.VerifyCertificates,
            DeniedIpRanges = config.Federation.DeniedIpRanges,
            AllowsPrivateAddresses = config.Federation.AllowPrivateAddresses,
            UserAgent = $"{ServerVersion.Name}/{ServerVersion.Version}",
        });
        services.AddSingleton<INameResolver, SystemNameResolver>();
        services.AddSingleton<FederationHttp>();
        services.AddSingleton<IWellKnownReader>(provider => new WellKnownReader(
            provider.GetRequiredService<FederationHttp>().Invoker, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<ServerDiscovery>();
        services.AddSingleton<HttpFederationTransport>();
        services.AddSingleton<IFederationTransport>(
            provider => provider.GetRequiredService<HttpFederationTransport>());
        services.AddSingleton<IStreamingTransport>(
            provider => provider.GetRequiredService<HttpFederationTransport>());
        services.AddSingleton<FederationClient>();
        AddServerKeys(services, config);
        AddFedSender(services, config);
    }

    internal static void MapServerKeys(EndpointTable table)
    {
        FederationApi.ServerKeys.Map(table);
        NotaryQueries.Map(table);
    }

    private static void AddServerKeys(IServiceCollection services, HomeserverConfig config)
    {
        services.AddSingleton(new ServerKeyOptions(config.Federation.Notaries));
        services.AddSingleton<OwnServerKeys>();
        services.AddSingleton<ServerKeyFetcher>();
        services.AddSingleton<ServerKeyLog>();
        services.AddSingleton<IServerKeyRing, ServerKeyRing>();
        services.AddSingleton<IRequestVerifier, RequestVerifier>();
        services.AddSingleton<PduSignatureVerifier>();
        services.AddSingleton<Notary>();
    }

    private static void AddFedSender(IServiceCollection services, HomeserverConfig config)
    {
        services.AddSingleton<FedSenderSignals>();
        services.AddSingleton<IProjection>(provider => new FedSenderProjection(
            provider.GetRequiredService<FedSenderSignals>(),
            provider.GetRequiredService<IEventReader>(),
            config.ServerName));
        services.AddSingleton<FedSenderQueries>();
        services.AddSingleton<IJoinedHosts>(provider => provider.GetRequiredService<FedSenderQueries>());
        services.AddSingleton<IDeliveryQueue>(provider => provider.GetRequiredService<FedSenderQueries>());
        services.AddSingleton<IOutgoingEdus, OutgoingEdus>();
        services.AddSingleton<TransactionBuilder>();
        services.AddSingleton<DeliveryLog>();
        services.AddSingleton<FederationSender>();
        services.AddSingleton<IFedSenderForFederationApi>(provider => provider.GetRequiredService<FederationSender>());
        services.AddHostedService(provider => provider.GetRequiredService<FederationSender>());
    }

    private static X509Certificate2Collection Authorities(string? file)
    {
        var authorities = new X509Certificate2Collection();
        if (file is null)
            return authorities;
        try
        {
            authorities.ImportFromPemFile(file);
        }
        catch (CryptographicException problem)
        {
            throw new StartException($"federation.ca_file {file} holds no PEM certificates: {problem.Message}");
        }
        return authorities;
    }
}
