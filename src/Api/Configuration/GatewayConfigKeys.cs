using System.Net;
using static Matrix.EventSourced.Api.Configuration.ConfigValues;

namespace Matrix.EventSourced.Api.Configuration;

/// <summary>The keys of the gateway: the log over EventStoreDB's gRPC protocol.</summary>
internal static class GatewayConfigKeys
{
    public static readonly IReadOnlyList<ConfigKey> All =
    [
        new(
            "gateway.listen", ConfigKeys.Urls, "",
            "Where the log itself is served over EventStoreDB's gRPC protocol. Not set: nowhere. Whoever is let in here reads "
            + "and writes everything; other than loopback addresses need a user and a password.",
            (c, t) => Each<ListenAddress>(t, TryParseListen, list =>
                WithListener(c, c.Gateway.Listener with { Listen = list })))
        { IsList = true },
        new(
            "gateway.tls_certificate", ConfigKeys.FileName, "",
            "The PEM certificate chain of https:// addresses. Not set: a self-signed one is made under the data folder.",
            (c, t) => File(t, file => WithListener(c, c.Gateway.Listener with { TlsCertificateFile = file }))),
        new(
            "gateway.tls_key", ConfigKeys.FileName, "",
            "The PEM private key of the certificate.",
            (c, t) => File(t, file => WithListener(c, c.Gateway.Listener with { TlsKeyFile = file }))),
        new(
            "gateway.user", "text without a colon", "",
            "The user that clients of the gateway log in as.",
            (c, t) => t.Single.Contains(':')
                ? Wrong(t.Single)
                : Optional(t, value => c with { Gateway = c.Gateway with { User = value } })),
        new(
            "gateway.password", "text", "",
            "The password of that user.",
            (c, t) => Optional(t, value => c with { Gateway = c.Gateway with { Password = value } }))
        { IsSecret = true },
        new(
            "gateway.password_file", ConfigKeys.FileName, "",
            "A file whose first line is that password, in place of gateway.password.",
            (c, t) => File(t, file => c with { Gateway = c.Gateway with { PasswordFile = file } })),
    ];

    /// <summary>Reads the password's file, and says what does not go together.</summary>
    public static HomeserverConfig Complete(HomeserverConfig config, List<string> problems)
    {
        var gateway = config.Gateway;
        if (gateway is { Password: not null, PasswordFile: not null })
            problems.Add("gateway.password and gateway.password_file: set one of them.");
        if (gateway.PasswordFile is { } file && ReadPassword(file, problems) is { } password)
            gateway = gateway with { Password = password };
        if (gateway.User is null != gateway.Password is null)
            problems.Add("gateway.user and gateway.password (or gateway.password_file): set both or none.");
        foreach (var address in gateway.Listener.Listen)
        {
            if (gateway.User is null && !IPAddress.IsLoopback(address.Address))
            {
                problems.Add(
                    $"gateway.listen: {address} can be reached from elsewhere: set gateway.user and gateway.password.");
            }
        }
        if (gateway.IsOn && config.EventStore.Address is not null)
            problems.Add("gateway.listen: only a log that the embedded engine keeps is served; see event_store.");
        return config with { Gateway = gateway };
    }

    private static string? ReadPassword(string file, List<string> problems)
    {
        try
        {
            using var reader = new StreamReader(file);
            if (reader.ReadLine() is { Length: > 0 } line)
                return line;
            problems.Add($"gateway.password_file: {file} is empty.");
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            problems.Add($"gateway.password_file: {problem.Message}");
        }
        return null;
    }

    private static HomeserverConfig WithListener(HomeserverConfig config, ListenerConfig listener) =>
        config with { Gateway = config.Gateway with { Listener = listener } };
}
