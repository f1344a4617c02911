using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Api.Configuration;

namespace Matrix.EventSourced.Api.CommandLine;

/// <summary>Makes an account on the running server by the shared secret of its configuration.</summary>
internal static class RegisterVerb
{
    private static readonly Uri Path = new("/_synapse/admin/v1/register", UriKind.Relative);

    public static Task<int> RunAsync(string[] arguments)
    {
        var words = arguments.TakeWhile(argument => !argument.StartsWith('-')).ToList();
        var options = arguments.Skip(words.Count).ToList();
        var isAdmin = options.Remove("--admin");
        if (words.Count is < 1 or > 2)
            return Task.FromResult(Cli.Fail("Usage: register USER [PASSWORD] [--admin] [OPTIONS]", 2));
        var password = words.Count == 2 ? words[1] : ReadPassword();
        return Cli.WithConfigAsync([.. options], config => RegisterAsync(config, words[0], password, isAdmin));
    }

    private static async Task<int> RegisterAsync(HomeserverConfig config, string user, string password, bool isAdmin)
    {
        if (config.Registration.SharedSecret is not { } secret)
            return Cli.Fail("registration.shared_secret is not set: nobody can be registered this way.", 1);
        using var client = LocalClient.Create(config);
        try
        {
            var nonce = JsonElement.Parse(await client.GetByteArrayAsync(Path)).GetProperty("nonce").GetString()!;
            using var response = await client.PostAsync(Path, Body(nonce, user, password, isAdmin, secret));
            var answer = JsonElement.Parse(await response.Content.ReadAsByteArrayAsync());
            if (!response.IsSuccessStatusCode)
                return Cli.Fail($"Refused: {answer.GetProperty("error").GetString()}", 1);
            Console.Out.WriteLine($"Registered {answer.GetProperty("user_id").GetString()}.");
            return 0;
        }
        catch (HttpRequestException exception)
        {
            return Cli.Fail($"{client.BaseAddress} does not answer: {exception.Message}", 1);
        }
    }

    private static ByteArrayContent Body(string nonce, string user, string password, bool isAdmin, string secret)
    {
        // The fields of the HMAC are joined by U+0000; SHA-1 is what the scripts of administrators speak.
        var text = string.Join('\0', nonce, user, password, isAdmin ? "admin" : "notadmin");
#pragma warning disable CA5350 // An HMAC does not rest on SHA-1's collision resistance.
        var mac = Convert.ToHexStringLower(
            HMACSHA1.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes(text)));
#pragma warning restore CA5350
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("nonce", nonce);
            writer.WriteString("username", user);
            writer.WriteString("password", password);
            writer.WriteBoolean("admin", isAdmin);
            writer.WriteString("mac", mac);
            writer.WriteEndObject();
        }
        var content = new ByteArrayContent(buffer.ToArray());
        content.Headers.ContentType = new("application/json");
        return content;
    }

    private static string ReadPassword()
    {
        if (Console.IsInputRedirected)
            return Console.In.ReadLine() ?? string.Empty;
        Console.Out.Write("Password: ");
        var password = new StringBuilder();
        while (Console.ReadKey(intercept: true) is { Key: not ConsoleKey.Enter } key)
        {
            if (key.Key == ConsoleKey.Backspace)
                password.Length = Math.Max(0, password.Length - 1);
            else
                password.Append(key.KeyChar);
        }
        Console.Out.WriteLine();
        return password.ToString();
    }
}
