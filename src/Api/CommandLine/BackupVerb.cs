using System.Text;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Control;
using Matrix.EventSourced.Api.Hosting;

namespace Matrix.EventSourced.Api.CommandLine;

/// <summary>Copies what must be kept, of a running server or of a stopped one.</summary>
internal static class BackupVerb
{
    public static Task<int> RunAsync(string[] arguments) => arguments is [var folder, ..] && !folder.StartsWith('-')
        ? Cli.WithConfigAsync(arguments[1..], config => RunAsync(config, Path.GetFullPath(folder)))
        : Task.FromResult(Cli.Fail("Usage: backup FOLDER [OPTIONS]", 2));

    private static async Task<int> RunAsync(HomeserverConfig config, string folder)
    {
        try
        {
            using var client = await ControlSocket.ConnectAsync(config.DataFolder);
            if (client is not null)
                return await ControlCall.RunAsync(client, BackupControl.Spec.Path, [folder], Console.Out.WriteLine);
            await using var stopped = await StoppedHomeserver.OpenAsync(
                config, new HomeserverParts { Progress = Console.Error.WriteLine }, CancellationToken.None);
            var lines = stopped.Services.GetRequiredService<Backup>().RunAsync(folder, CancellationToken.None);
            await foreach (var line in lines)
                Console.Out.WriteLine(Encoding.UTF8.GetString(line.Span));
            return 0;
        }
        catch (Exception problem) when (
            problem is BackupException or IOException or HttpRequestException or UnauthorizedAccessException)
        {
            return Cli.Fail(problem.Message, 1);
        }
    }
}
