using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Hosting;
using Matrix.EventSourced.Commands.Messaging;

namespace Matrix.EventSourced.Api.CommandLine;

/// <summary>Replaces the signing key; the server signs with the new one from its next start on.</summary>
internal static class RotateKeyVerb
{
    public static Task<int> RunAsync(HomeserverConfig config)
    {
        // The lock says that the server is stopped: it would go on with the old key until then.
        using var data = DataFolder.Open(config.DataFolder, config.ServerName);
        var (old, fresh) = SigningKeyFile.Rotate(
            data.SigningKeyFile, new SystemRandom(), TimeProvider.System.GetUtcNow());
        Console.Out.WriteLine($"{fresh} replaces {old}, which stays valid for what it has signed.");
        return Task.FromResult(0);
    }
}
