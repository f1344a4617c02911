using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.FederationApi;
using Matrix.EventSourced.Api.Hosting;

namespace Matrix.EventSourced.Api.CommandLine;

/// <summary>The program's verbs: what stands first on the command line says what to do; run, if nothing does.</summary>
/// <remarks>Exit codes: 0 done, 1 could not be done, 2 the command line or configuration is wrong.</remarks>
internal static class Cli
{
    public static async Task<int> RunAsync(string[] arguments)
    {
        var hasVerb = arguments.Length > 0 && !arguments[0].StartsWith('-');
        var verb = hasVerb ? arguments[0] : "run";
        var rest = hasVerb ? arguments[1..] : arguments;
        if (rest.Contains("--help") || rest.Contains("-h"))
            verb = verb == "log" ? "help-log" : "help";
        if (rest.Contains("--version"))
            verb = "version";
        try
        {
            return verb switch
            {
                "run" => await WithConfigAsync(rest, RunVerb.RunAsync),
                "generate-config" => GenerateConfigVerb.Run(rest),
                "destinations" => await WithConfigAsync(rest, DestinationsVerb.RunAsync),
                "appservices" => await WithConfigAsync(rest, AppservicesVerb.RunAsync),
                "health" => await WithConfigAsync(rest, HealthVerb.RunAsync),
                "audit" => await AuditVerb.RunAsync(rest),
                "media" => await MediaVerb.RunAsync(rest),
                "backup" => await BackupVerb.RunAsync(rest),
                "rebuild" => await RebuildVerb.RunAsync(rest),
                "log" => await LogVerb.RunAsync(rest),
                "rotate-key" => await WithConfigAsync(rest, RotateKeyVerb.RunAsync),
                "register" => await RegisterVerb.RunAsync(rest),
                "version" => Print($"{ServerVersion.Name} {ServerVersion.Version}"),
                "help" => Print(HelpText()),
                "help-log" => Print(LogVerb.HelpText),
                _ => Fail($"There is no verb '{verb}'. See --help.", 2),
            };
        }
        catch (StartException exception)
        {
            return Fail(exception.Message, 1);
        }
    }

    /// <summary>Loads the configuration and goes on with it, or says everything that is wrong with it.</summary>
    public static async Task<int> WithConfigAsync(string[] options, Func<HomeserverConfig, Task<int>> run)
    {
        var result = ConfigLoader.Load(options, Environment.GetEnvironmentVariables(), Environment.CurrentDirectory);
        return result.Config is not null ? await run(result.Config) : Fail(string.Join('\n', result.Problems), 2);
    }

    public static int Fail(string message, int exitCode)
    {
        Console.Error.WriteLine(message);
        return exitCode;
    }

    private static int Print(string text)
    {
        Console.Out.WriteLine(text);
        return 0;
    }

    private static string HelpText() => $"""
        {ServerVersion.Name} {ServerVersion.Version}: a Matrix homeserver whose only truth is an append-only log.

        Usage: matrix [run] [OPTIONS]                  serve until Ctrl-C or SIGTERM
               matrix health [OPTIONS]                 ask the running server how it is; exit code 0 when well
               matrix register USER [PASSWORD] [--admin] [OPTIONS]
                                                       make an account on the running server, by the shared secret
               matrix rebuild NAME|all [OPTIONS]       make a projection again from the log, beside the one that serves
               matrix audit QUESTION [OPTIONS]         look into the log: history, state, changes, verify (audit alone
                                                       says how to ask)
               matrix media WHAT [OPTIONS]             show media of the running server, and take it down (media alone
                                                       says how)
               matrix backup FOLDER [OPTIONS]          copy everything that must be kept, while the server runs or not
               matrix destinations [OPTIONS]           show which servers lag, and why
               matrix appservices [OPTIONS]            show which application services lag, and why
               matrix rotate-key [OPTIONS]             sign with a new key from the next start on, while the
                                                       server is stopped
               matrix log serve [OPTIONS]              serve the log alone, over EventStoreDB's gRPC protocol, in a
                                                       process of its own (log serve --help says how)
               matrix generate-config [OPTIONS]        print a homeserver.yaml with every key and its default
               matrix --version | --help

        Options (also keys of homeserver.yaml, and variables like MATRIX__CLIENT__LISTEN):
          --config FILE
              The configuration file. Default: homeserver.yaml in the data folder, where it is there.
        {ConfigWriter.Help()}
        """;
}
