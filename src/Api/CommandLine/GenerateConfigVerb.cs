using System.Security.Cryptography;
using Matrix.EventSourced.Api.Configuration;

namespace Matrix.EventSourced.Api.CommandLine;

/// <summary>
/// Prints a homeserver.yaml to begin with: what was given on the command line, a new shared secret, defaults as
/// comments.
/// </summary>
/// <remarks>
/// Open registration is written only while the client API listens on loopback addresses alone: on this machine anybody
/// may try it out, from elsewhere nobody may.
/// </remarks>
internal static class GenerateConfigVerb
{
    public static int Run(string[] options)
    {
        var problems = new List<string>();
        var given = ConfigSources.FromCommandLine(options, Environment.CurrentDirectory, problems, out _);
        if (problems.Count > 0)
            return Cli.Fail(string.Join('\n', problems), 2);
        var checkedConfig = ConfigLoader.Load(options, new Dictionary<string, string>(), Environment.CurrentDirectory);
        if (checkedConfig.Config is not { } config)
            return Cli.Fail(string.Join('\n', checkedConfig.Problems), 2);

        var values = new Dictionary<string, string>
        {
            ["server_name"] = config.ServerName.Value,
            ["registration.shared_secret"] = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24)),
        };
        if (config.Client.Listen.All(address => System.Net.IPAddress.IsLoopback(address.Address)))
            values["registration.mode"] = "open";
        foreach (var value in given)
        {
            // The file lies in the data folder, which therefore is not said in it.
            if (value.Key.Name != "data")
                values[value.Key.Name] = string.Join(", ", value.Text.Items);
        }
        Console.Out.Write(ConfigWriter.Yaml(values));
        return 0;
    }
}
