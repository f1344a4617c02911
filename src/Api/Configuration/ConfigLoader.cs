using System.Collections;

namespace Matrix.EventSourced.Api.Configuration;

/// <summary>The outcome of reading the configuration.</summary>
/// <remarks>
/// Shape: Problems are complete sentences for a person, each with its place; empty exactly when Config is there.
/// </remarks>
internal sealed record ConfigResult(HomeserverConfig? Config, IReadOnlyList<string> Problems, string? File);

/// <summary>A value that was given: for which key, what, and where (file:line, variable or flag).</summary>
internal sealed record GivenValue(ConfigKey Key, ConfigText Text, string Place);

/// <summary>Reads the configuration: command line over environment over file over default, key by key.</summary>
internal static class ConfigLoader
{
    public const string FileNameDefault = "homeserver.yaml";
    public const string FileFlag = "--config";

    /// <summary>Reads all sources. Requires: <paramref name="arguments"/> holds options only, no verb.</summary>
    public static ConfigResult Load(IReadOnlyList<string> arguments, IDictionary environment, string currentFolder)
    {
        var problems = new List<string>();
        var commandLine = ConfigSources.FromCommandLine(arguments, currentFolder, problems, out var file);
        var variables = ConfigSources.FromEnvironment(environment, currentFolder, problems);

        var fileValues = new List<GivenValue>();
        if (file is not null && !File.Exists(file))
            problems.Add($"{FileFlag}: there is no file {file}.");
        file ??= Path.Combine(DataFolder(commandLine, variables, currentFolder), FileNameDefault);
        if (File.Exists(file))
            fileValues = YamlConfigFile.Read(file, problems);
        else
            file = null;

        var config = new HomeserverConfig();
        foreach (var key in ConfigKeys.All)
        {
            var given = commandLine.FindLast(value => value.Key == key)
                ?? variables.FindLast(value => value.Key == key)
                ?? fileValues.FindLast(value => value.Key == key)
                ?? new GivenValue(key, new ConfigText(ConfigSources.Split(key, key.Default), currentFolder), "default");
            var step = key.Set(config, given.Text);
            if (step.Config is not null)
                config = step.Config;
            else
                problems.Add(
                    $"{given.Place}: {key.Name}: {(key.IsSecret ? "not allowed" : step.Problem)}; allowed: {key.Allowed}.");
        }
        if (problems.Count == 0)
            Complete(ref config, problems);
        return new ConfigResult(problems.Count == 0 ? config : null, problems, file);
    }

    private static void Complete(ref HomeserverConfig config, List<string> problems)
    {
        if (config.Client.Listen.Count == 0)
            problems.Add("client.listen: at least one address is needed.");
        CheckTls(config.Client, "client", problems);
        CheckTls(config.Federation.Listener, "federation", problems);
        CheckTls(config.Gateway.Listener, "gateway", problems);
        config = GatewayConfigKeys.Complete(config, problems);
        if (config.Registration is { Mode: RegistrationMode.Token, Tokens.Count: 0 })
            problems.Add("registration.mode: token needs at least one token in registration.tokens.");
        if (problems.Count > 0)
            return;
        config = config with
        {
            AppserviceFolder = Path.GetFullPath(config.AppserviceFolder, config.DataFolder),
            OAuth = config.OAuth with
            {
                Mode = config.OAuth.Mode != OAuthMode.Auto ? config.OAuth.Mode
                    : config.PublicBaseUrl.StartsWith("https://", StringComparison.Ordinal) ? OAuthMode.On : OAuthMode.Off,
                ProviderFolder = Path.GetFullPath(config.OAuth.ProviderFolder, config.DataFolder),
            },
            PublicBaseUrl = config.PublicBaseUrl.Length > 0 ? config.PublicBaseUrl : config.Client.Listen[0].ToString(),
        };
    }

    private static void CheckTls(ListenerConfig listener, string section, List<string> problems)
    {
        if (listener.TlsCertificateFile is null != listener.TlsKeyFile is null)
            problems.Add($"{section}.tls_certificate and {section}.tls_key: set both or none.");
    }

    private static string DataFolder(List<GivenValue> commandLine, List<GivenValue> variables, string currentFolder)
    {
        var key = ConfigKeys.Find("data")!;
        var given = commandLine.FindLast(value => value.Key == key) ?? variables.FindLast(value => value.Key == key);
        var folder = given?.Text.Single ?? string.Empty;
        return Path.GetFullPath(folder.Length == 0 ? key.Default : folder, currentFolder);
    }
}
