using Matrix.EventSourced.Api.Configuration;

namespace Matrix.EventSourced.Api.CommandLine;

/// <summary>Asks the running server how it is.</summary>
internal static class HealthVerb
{
    public static async Task<int> RunAsync(HomeserverConfig config)
    {
        using var client = LocalClient.Create(config);
        try
        {
            using var response = await client.GetAsync(new Uri("/health", UriKind.Relative));
            Console.Out.WriteLine(await response.Content.ReadAsStringAsync());
            return response.IsSuccessStatusCode ? 0 : 1;
        }
        catch (HttpRequestException exception)
        {
            return Cli.Fail($"{client.BaseAddress} does not answer: {exception.Message}", 1);
        }
    }
}
