using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Net.Client;

namespace Matrix.EventSourced.EventStore.EventStoreDb;

/// <summary>One channel per node, kept to the end: a channel finds its node again by itself.</summary>
internal sealed class NodeChannels : IDisposable
{
    /// <summary>LIMIT: bytes of one answer. Ours: a record of 1 MiB with its metadata, and room to spare.</summary>
    private const int AnswerBytesMax = 8 * 1024 * 1024;

    /// <summary>A channel has waits of its own between connection attempts, up to two minutes; this engine decides when
    /// a node is tried again, so they are next to nothing.</summary>
    private static readonly TimeSpan ChannelWait = TimeSpan.FromMilliseconds(10);

    private readonly ConnectionSettings _settings;
    private readonly X509Certificate2Collection? _authorities;
    private readonly Lock _lock = new();
    private readonly Dictionary<NodeAddress, GrpcChannel> _addressToChannel = [];

    public NodeChannels(ConnectionSettings settings)
    {
        _settings = settings;
        if (settings.CaFile is { } file)
            _authorities = LoadAuthorities(file);
    }

    public GrpcChannel To(NodeAddress address)
    {
        lock (_lock)
        {
            if (!_addressToChannel.TryGetValue(address, out var channel))
                _addressToChannel.Add(address, channel = Open(address));
            return channel;
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var channel in _addressToChannel.Values)
                channel.Dispose();
            _addressToChannel.Clear();
        }
    }

    private GrpcChannel Open(NodeAddress address)
    {
        var handler = new SocketsHttpHandler
        {
            EnableMultipleHttp2Connections = true,
            PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
            ConnectTimeout = _settings.GossipTimeout,
            UseProxy = false,
        };
        if (_settings.KeepAliveInterval != Timeout.InfiniteTimeSpan)
        {
            // Pings also while nothing is asked: a subscription only listens.
            handler.KeepAlivePingDelay = _settings.KeepAliveInterval;
            handler.KeepAlivePingTimeout = _settings.KeepAliveTimeout;
            handler.KeepAlivePingPolicy = HttpKeepAlivePingPolicy.Always;
        }
        if (!_settings.VerifiesCertificate)
        {
            // Asked for by name: tlsVerifyCert=false, for tests.
#pragma warning disable CA5359
            handler.SslOptions.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
#pragma warning restore CA5359
        }
        else if (_authorities is not null)
        {
            var policy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
            };
            policy.CustomTrustStore.AddRange(_authorities);
            handler.SslOptions.CertificateChainPolicy = policy;
        }
        return GrpcChannel.ForAddress($"{(_settings.UsesTls ? "https" : "http")}://{address}", new GrpcChannelOptions
        {
            HttpHandler = handler,
            DisposeHttpClient = true,
            MaxReceiveMessageSize = AnswerBytesMax,
            MaxSendMessageSize = null,
            // What is tried again, and when, is this engine's business.
            MaxRetryAttempts = null,
            InitialReconnectBackoff = ChannelWait,
            MaxReconnectBackoff = ChannelWait,
            ThrowOperationCanceledOnCancellation = false,
        });
    }

    private static X509Certificate2Collection LoadAuthorities(string file)
    {
        var authorities = new X509Certificate2Collection();
        try
        {
            authorities.ImportFromPemFile(file);
        }
        catch (Exception problem) when (
            problem is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new EventStoreException($"{file} holds no certificates: {problem.Message}", problem);
        }
        return authorities.Count > 0
            ? authorities
            : throw new EventStoreException($"{file} holds no certificates.");
    }
}
