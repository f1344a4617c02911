using System.Collections;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Hosting;
using Matrix.EventSourced.Benchmarks.Scale;
using Microsoft.Extensions.Logging.Abstractions;

const string help = """
    Fills a data folder with more than clients could make in reasonable time, through the server's own commands.

      scale room --members N [--changes N] [SERVER OPTIONS]   one public room, #large, with so many joined local users
                                                              and so many changes of their names after that
      scale log --pdus N [--rooms N] [SERVER OPTIONS]         so many messages, spread over so many rooms (1000)
      scale rooms --rooms N [SERVER OPTIONS]                  so many rooms, each with a member and a message under way

    SERVER OPTIONS are those of the program (--data, --server-name, …). What it measured is printed.
    """;

if (args.Length == 0 || args[0] is "--help" or "-h")
{
    Console.WriteLine(help);
    return 0;
}
var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
var serverOptions = new List<string>();
for (var i = 1; i + 1 < args.Length; i += 2)
{
    if (args[i] is "--members" or "--changes" or "--pdus" or "--rooms")
        numbers[args[i]] = int.Parse(args[i + 1], System.Globalization.CultureInfo.InvariantCulture);
    else
        serverOptions.AddRange([args[i], args[i + 1]]);
}
var loaded = ConfigLoader.Load(serverOptions, new Hashtable(), Environment.CurrentDirectory);
if (loaded.Config is not { } config)
{
    Console.Error.WriteLine(string.Join('\n', loaded.Problems));
    return 2;
}
await using var server = await Homeserver.StartAsync(
    config, new HomeserverParts { Logging = NullLoggerFactory.Instance });
var maker = new Maker(server, config);
await (args[0] switch
{
    "room" => maker.MakeRoomAsync(numbers.GetValueOrDefault("--members", 1000), numbers.GetValueOrDefault("--changes")),
    "log" => maker.MakeLogAsync(numbers.GetValueOrDefault("--pdus", 100_000), numbers.GetValueOrDefault("--rooms", 1000)),
    "rooms" => maker.MakeLogAsync(numbers.GetValueOrDefault("--rooms", 1000), numbers.GetValueOrDefault("--rooms", 1000)),
    _ => throw new ArgumentException($"There is no {args[0]}; see --help."),
});
return 0;
