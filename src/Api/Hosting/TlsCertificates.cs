using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.Hosting;

/// <summary>
/// The certificates of https:// listeners: the configured files, or a self-signed one kept under the data folder.
/// </summary>
internal static class TlsCertificates
{
    /// <summary>Units: days that a self-signed certificate is valid, and before whose end it is made again.</summary>
    private const int ValidDays = 3650;
    private const int RenewDays = 30;

    public static X509Certificate2Collection Load(
        ListenerConfig listener, string section, string folder, ServerName serverName, DateTimeOffset now)
    {
        if (listener is { TlsCertificateFile: { } certificateFile, TlsKeyFile: { } keyFile })
            return LoadPem(certificateFile, keyFile);

        var (certificate, key) = (Path.Combine(folder, $"{section}.crt"), Path.Combine(folder, $"{section}.key"));
        if (File.Exists(certificate) && File.Exists(key))
        {
            var kept = LoadPem(certificate, key);
            if (kept[0].NotAfter.ToUniversalTime() > now.UtcDateTime.AddDays(RenewDays)
                && kept[0].MatchesHostname(HostOf(serverName)))
                return kept;
        }
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        MakeSelfSigned(certificate, key, HostOf(serverName), now);
        return LoadPem(certificate, key);
    }

    private static X509Certificate2Collection LoadPem(string certificateFile, string keyFile)
    {
        try
        {
            var chain = new X509Certificate2Collection { X509Certificate2.CreateFromPemFile(certificateFile, keyFile) };
            var rest = new X509Certificate2Collection();
            rest.ImportFromPemFile(certificateFile);
            foreach (var issuer in rest.Skip(1))
                chain.Add(issuer);
            return chain;
        }
        catch (Exception exception) when (
            exception is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new StartException(
                $"The certificate {certificateFile} with the key {keyFile} cannot be used: {exception.Message}");
        }
    }

    private static void MakeSelfSigned(string certificateFile, string keyFile, string host, DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={host}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        if (IPAddress.TryParse(host, out var address))
            names.AddIpAddress(address);
        else
            names.AddDnsName(host);
        if (host != "localhost")
            names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        names.AddIpAddress(IPAddress.IPv6Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(
            new X509BasicConstraintsExtension(certificateAuthority: false, false, 0, critical: true));
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(ValidDays));
        File.WriteAllText(certificateFile, certificate.ExportCertificatePem() + "\n");
        PrivateFile.Write(keyFile, key.ExportPkcs8PrivateKeyPem() + "\n");
    }

    private static string HostOf(ServerName serverName)
    {
        var name = serverName.Value;
        var colon = name.LastIndexOf(':');
        var hasPort = colon > 0 && !name.EndsWith(']') && name[(colon + 1)..].All(char.IsAsciiDigit);
        return (hasPort ? name[..colon] : name).Trim('[', ']');
    }
}

/// <summary>Writes files that only their owner may read.</summary>
internal static class PrivateFile
{
    /// <summary>The file is there whole or not at all, also after a crash.</summary>
    public static void Write(string path, string text)
    {
        var temporary = path + ".new";
        File.Delete(temporary);
        using (var file = new FileStream(temporary, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }))
        {
            file.Write(System.Text.Encoding.UTF8.GetBytes(text));
            file.Flush(flushToDisk: true);
        }
        File.Move(temporary, path, overwrite: true);
    }
}
