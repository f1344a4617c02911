using System.Collections;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;

namespace Matrix.EventSourced.Api.Tests.Configuration;

public sealed class ConfigLoaderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("config-").FullName;

    [Fact]
    public void fills_in_every_default()
    {
        var config = Load().Config!;
        Assert.Equal("localhost", config.ServerName.Value);
        Assert.Equal("http://127.0.0.1:8008", Assert.Single(config.Client.Listen).ToString());
        Assert.Equal("https://127.0.0.1:8448", Assert.Single(config.Federation.Listener.Listen).ToString());
        Assert.Equal("http://127.0.0.1:8008", config.PublicBaseUrl);
        Assert.Equal(Path.Combine(_folder, "data"), config.DataFolder);
        Assert.Equal(Path.Combine(_folder, "data", "appservices"), config.AppserviceFolder);
        Assert.Null(config.Database);
        Assert.Equal(RegistrationMode.Closed, config.Registration.Mode);
        Assert.True(config.RateLimits.Enabled);
        Assert.Equal(new RateLimit(10, 50), config.RateLimits.PerClass[RateClass.Message]);
        Assert.Contains(System.Net.IPNetwork.Parse("10.0.0.0/8"), config.Federation.DeniedIpRanges);
    }

    [Fact]
    public void takes_command_line_over_environment_over_file()
    {
        WriteFile("server_name: file.org\npublic_base_url: https://file.org/\nclient:\n  listen: http://127.0.0.1:1\npresence: false\n");
        var result = Load(
            ["--server-name", "flag.org", "--config", "homeserver.yaml"],
            ("MATRIX__SERVER_NAME", "variable.org"),
            ("MATRIX__CLIENT__LISTEN", "http://127.0.0.1:2,https://[::1]:3"));
        var config = result.Config!;
        Assert.Equal("flag.org", config.ServerName.Value);
        Assert.Equal(["http://127.0.0.1:2", "https://[::1]:3"], config.Client.Listen.Select(a => a.ToString()));
        Assert.Equal("https://file.org", config.PublicBaseUrl);
        Assert.False(config.PresenceEnabled);
    }

    [Fact]
    public void reads_the_file_of_the_data_folder()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "there"));
        File.WriteAllText(Path.Combine(_folder, "there", "homeserver.yaml"), "server_name: there.org\n");
        var result = Load(["--data=there"]);
        Assert.Equal("there.org", result.Config!.ServerName.Value);
        Assert.Equal(Path.Combine(_folder, "there"), result.Config.DataFolder);
    }

    [Theory]
    [InlineData("server_nam: x", "homeserver.yaml:1: there is no key 'server_nam'; the nearest is 'server_name'.")]
    [InlineData(
        "\nclient:\n  listens: x",
            "homeserver.yaml:3: there is no key 'client.listens'; the nearest is 'client.listen'.")]
    [InlineData("presence: maybe", "homeserver.yaml:1: presence: 'maybe' is not allowed; allowed: true or false.")]
    [InlineData("server_name: a b", "homeserver.yaml:1: server_name: 'a b' is not allowed; allowed: a server name")]
    [InlineData(
        "client:\n  listen: ftp://x", "homeserver.yaml:2: client.listen: 'ftp://x' is not allowed; allowed: http://")]
    [InlineData("client: http://127.0.0.1:1", "homeserver.yaml:1: 'client' is a section; its keys stand below it")]
    [InlineData("server_name: [a, b]", "homeserver.yaml:1: server_name: one value is expected")]
    [InlineData("a: b: c", "homeserver.yaml:1: this is not YAML")]
    [InlineData("presence: true\npresence: false", "homeserver.yaml:2: this is not YAML")]
    [InlineData("- a", "homeserver.yaml:1: keys with values are expected")]
    [InlineData("log:\n  format: xml", "homeserver.yaml:2: log.format: 'xml' is not allowed; allowed: text or json.")]
    [InlineData(
        "passwords:\n  passes: 0", "homeserver.yaml:2: passwords.passes: '0' is not allowed; allowed: 1 to 100.")]
    [InlineData(
        "event_store: esdb://host:2113", "homeserver.yaml:1: event_store: this version has no EventStoreDB engine yet")]
    [InlineData("client:\n  tls_key: none.pem", "homeserver.yaml:2: client.tls_key: there is no file")]
    [InlineData("registration:\n  mode: token", "registration.mode: token needs at least one token")]
    [InlineData(
        "registration:\n  tokens: [\"a b\"]", "homeserver.yaml:2: registration.tokens: not allowed; allowed: letters")]
    [InlineData("client:\n  listen: []", "client.listen: at least one address is needed.")]
    public void refuses_with_place_and_what_is_allowed(string file, string problem)
    {
        WriteFile(file);
        var result = Load(["--config", "homeserver.yaml"]);
        Assert.Null(result.Config);
        Assert.StartsWith(
            problem, Assert.Single(result.Problems).Replace(
                _folder + "/", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(
        "--client-listn", "--client-listn: there is no such option; the nearest is --client-listen. See --help.")]
    [InlineData("--server-name", "--server-name: a value is needed; allowed: a server name")]
    [InlineData("--presence=1", "--presence: presence: '1' is not allowed; allowed: true or false.")]
    [InlineData("--config=nowhere.yaml", "--config: there is no file ")]
    public void refuses_bad_options(string option, string problem) =>
        Assert.StartsWith(problem, Assert.Single(Load([option]).Problems), StringComparison.Ordinal);

    [Fact]
    public void refuses_an_unknown_variable() => Assert.Equal(
        "MATRIX__SERVERNAME: there is no such key; the nearest is MATRIX__SERVER_NAME.",
        Assert.Single(Load([], ("MATRIX__SERVERNAME", "x"), ("OTHER", "y")).Problems));

    [Fact]
    public void names_all_problems_at_once()
    {
        WriteFile("presence: 1\nguests: 2\n");
        Assert.Equal(3, Load(["--config", "homeserver.yaml", "--log-level", "loud"]).Problems.Count);
    }

    [Fact]
    public void refuses_half_a_certificate()
    {
        WriteFile("tls: x");
        var result = Load(["--client-tls-key", "homeserver.yaml"]);
        Assert.Equal("client.tls_certificate and client.tls_key: set both or none.", Assert.Single(result.Problems));
    }

    [Fact]
    public void serves_the_log_nowhere_unless_told_to()
    {
        Assert.False(Load().Config!.Gateway.IsOn);

        var gateway = Load(["--gateway-listen", "http://127.0.0.1:2113"]).Config!.Gateway;

        Assert.Equal("http://127.0.0.1:2113", Assert.Single(gateway.Listener.Listen).ToString());
        Assert.Null(gateway.User);
    }

    [Theory]
    [InlineData("http://0.0.0.0:2113")]
    [InlineData("https://10.0.0.1:2113")]
    [InlineData("https://*:2113")]
    public void serves_the_log_to_others_only_with_a_password(string listen)
    {
        var refused = Load(["--gateway-listen", $"http://127.0.0.1:1,{listen}"]);
        var allowed = Load(["--gateway-listen", listen], ("MATRIX__GATEWAY__USER", "log"), ("MATRIX__GATEWAY__PASSWORD", "x"));

        Assert.Contains("set gateway.user and gateway.password", Assert.Single(refused.Problems), StringComparison.Ordinal);
        Assert.Equal(("log", "x"), (allowed.Config!.Gateway.User, allowed.Config.Gateway.Password));
    }

    [Fact]
    public void reads_the_gateways_password_from_a_file_of_its_own()
    {
        File.WriteAllText(Path.Combine(_folder, "password"), "sécret: #1\n");
        WriteFile("gateway:\n  listen: https://*:2113\n  user: log\n  password_file: password\n");

        Assert.Equal("sécret: #1", Load(["--config", "homeserver.yaml"]).Config!.Gateway.Password);

        File.WriteAllText(Path.Combine(_folder, "password"), "\n");
        Assert.Contains(
            Load(["--config", "homeserver.yaml"]).Problems,
            problem => problem.EndsWith("password is empty.", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("--gateway-user=a", "gateway.user and gateway.password (or gateway.password_file): set both or none.")]
    [InlineData("--gateway-password=a", "gateway.user and gateway.password (or gateway.password_file): set both or none.")]
    [InlineData("--gateway-user=a:b", "--gateway-user: gateway.user: 'a:b' is not allowed; allowed: text without a colon.")]
    [InlineData("--gateway-tls-key=homeserver.yaml", "gateway.tls_certificate and gateway.tls_key: set both or none.")]
    public void refuses_half_a_gateway(string option, string problem)
    {
        WriteFile("server_name: x.org");
        Assert.Equal(problem, Assert.Single(Load([option]).Problems));
    }

    [Fact]
    public void refuses_two_passwords_of_the_gateway()
    {
        WriteFile("server_name: x.org");
        var result = Load(["--gateway-user=a", "--gateway-password=b", "--gateway-password-file=homeserver.yaml"]);
        Assert.Equal("gateway.password and gateway.password_file: set one of them.", Assert.Single(result.Problems));
    }

    [Fact]
    public void reads_back_the_file_that_it_writes()
    {
        var defaults = Load().Config!;
        WriteFile(ConfigWriter.Yaml(new Dictionary<string, string>()));
        Same(defaults, Load(["--config", "homeserver.yaml"]).Config!);

        // Every commented key, switched on at its default, is still the default.
        var lines = File.ReadAllLines(Path.Combine(_folder, "homeserver.yaml"));
        WriteFile(string.Join('\n', lines.Select(Uncommented)));
        Same(defaults, Load(["--config", "homeserver.yaml"]).Config!);

        WriteFile(ConfigWriter.Yaml(new Dictionary<string, string>
        {
            ["server_name"] = "given.org",
            ["registration.shared_secret"] = "it's: #1",
        }));
        var given = Load(["--config", "homeserver.yaml"]).Config!;
        Assert.Equal("given.org", given.ServerName.Value);
        Assert.Equal("it's: #1", given.Registration.SharedSecret);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string Uncommented(string line)
    {
        var start = line.TrimStart();
        return start.StartsWith('#') && !start.StartsWith("# ", StringComparison.Ordinal)
            || start.StartsWith("#  - ", StringComparison.Ordinal)
            ? line.Replace("#", "", StringComparison.Ordinal)
            : line;
    }

    private static void Same(HomeserverConfig expected, HomeserverConfig actual)
    {
        Assert.Equal(expected.ServerName, actual.ServerName);
        Assert.Equal(expected.PublicBaseUrl, actual.PublicBaseUrl);
        Assert.Equal(expected.DataFolder, actual.DataFolder);
        Assert.Equal(expected.Database, actual.Database);
        Assert.Equal(expected.Client.Listen, actual.Client.Listen);
        Assert.Equal(expected.TrustedProxies, actual.TrustedProxies);
        Assert.Equal(expected.Federation.DeniedIpRanges, actual.Federation.DeniedIpRanges);
        Assert.Equal(expected.Registration.Tokens, actual.Registration.Tokens);
        Assert.Equal(expected.RateLimits.PerClass, actual.RateLimits.PerClass);
        Assert.Equal(expected.PasswordHashing, actual.PasswordHashing);
        Assert.Equal(expected.Log, actual.Log);
    }

    private void WriteFile(string text) => File.WriteAllText(Path.Combine(_folder, "homeserver.yaml"), text);

    private ConfigResult Load(string[]? arguments = null, params (string Name, string Value)[] variables)
    {
        var environment = new Hashtable();
        foreach (var (name, value) in variables)
            environment[name] = value;
        return ConfigLoader.Load(arguments ?? [], environment, _folder);
    }
}
