using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Matrix.EventSourced.EventStore.Embedded;
using Matrix.EventSourced.EventStore.Gateway;

namespace Matrix.EventSourced.EventStore.Tests.EventStoreDb;

/// <summary>Credentials, and certificates of an authority of one's own.</summary>
public sealed class Who_is_let_in : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly DateTimeOffset Begin = TimeProvider.System.GetUtcNow().AddDays(-2);

    private readonly EmbeddedEngine _engine = new();
    private EmbeddedEventStore _log = null!;

    public async Task InitializeAsync() => _log = await _engine.OpenEmbeddedAsync();

    public async Task DisposeAsync()
    {
        await _log.DisposeAsync();
        await _engine.DisposeAsync();
    }

    [Fact]
    public async Task right_password_is_let_in_and_a_wrong_one_refused_at_once()
    {
        await using var gateway =
            await GrpcEngine.StartGatewayAsync(_log, credentials: new GatewayCredentials("admin", "right"));
        var address = new Uri(gateway.Addresses[0]).Authority;

        await using (var store = await GrpcEngine.ConnectAsync($"admin:right@{address}").WaitAsync(Patience))
            Assert.Equal(LogPosition.Start, await store.ReadHeadAsync());

        foreach (var user in new[] { "admin:wrong@", "other:right@", "" })
        {
            var refused = await Assert.ThrowsAsync<EventStoreException>(
                () => GrpcEngine.ConnectAsync($"{user}{address}", attemptsMax: 1_000_000).WaitAsync(Patience));
            Assert.Contains("refuses the user or the password", refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task certificate_is_checked_against_the_given_authority()
    {
        using var authority = MakeAuthority();
        using var other = MakeAuthority();
        using var certificate = Issue(authority);
        await using var gateway = await GrpcEngine.StartGatewayAsync(_log, certificates: [certificate]);
        var address = new Uri(gateway.Addresses[0]).Authority;
        var (right, wrong) = (Save(authority), Save(other));

        await using (var store = await GrpcEngine.ConnectAsync(address, $"tls=true&tlsCAFile={right}").WaitAsync(Patience))
            Assert.Equal(LogPosition.Start, await store.ReadHeadAsync());
        await using (var store = await GrpcEngine.ConnectAsync(address, "tls=true&tlsVerifyCert=false").WaitAsync(Patience))
            Assert.Equal(LogPosition.Start, await store.ReadHeadAsync());
        foreach (var parameters in new[] { $"tls=true&tlsCAFile={wrong}", "tls=true" })
            await RefusedAsync(address, parameters);
        // The certificate names 127.0.0.1 and no other.
        await RefusedAsync($"localhost:{new Uri(gateway.Addresses[0]).Port}", $"tls=true&tlsCAFile={right}");
        File.Delete(right);
        File.Delete(wrong);
    }

    [Fact]
    public async Task file_without_certificates_is_refused()
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, "nothing");

        var refused = await Assert.ThrowsAsync<EventStoreException>(
            () => GrpcEngine.ConnectAsync("127.0.0.1:1", $"tlsCAFile={file}"));

        Assert.Equal($"{file} holds no certificates.", refused.Message);
        File.Delete(file);
    }

    /// <summary>It waits, as for any node that is not there, and says why.</summary>
    private static async Task RefusedAsync(string address, string parameters)
    {
        using var cancel = new CancellationTokenSource();
        var told = new TaskCompletionSource<string>();
        var options = GrpcEngine.Options($"esdb://{address}?{parameters}&discoveryInterval=2") with
        {
            ProgressEvery = TimeSpan.FromMilliseconds(20),
        };
        var connecting = Matrix.EventSourced.EventStore.EventStoreDb.EventStoreDbEventStore.ConnectAsync(
            options,
            TimeProvider.System,
            Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance,
            text =>
            {
                if (!text.EndsWith("Not connected yet.", StringComparison.Ordinal))
                    told.TrySetResult(text);
            },
            cancel.Token);

        Assert.Contains("certificate", await told.Task.WaitAsync(Patience), StringComparison.OrdinalIgnoreCase);

        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connecting.WaitAsync(Patience));
    }

    private static X509Certificate2 MakeAuthority()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(Begin, Begin.AddYears(1));
    }

    private static X509Certificate2 Issue(X509Certificate2 authority)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=node", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var issued = request.Create(authority, Begin, Begin.AddDays(90), [1, 2, 3, 4]);
        using var withKey = issued.CopyWithPrivateKey(key);
        // Through PKCS 12, since TLS does not take a key that is in memory only on every system.
        return X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pkcs12), null);
    }

    private static string Save(X509Certificate2 certificate)
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, certificate.ExportCertificatePem());
        return file;
    }
}
