using System.Security.Cryptography;
using System.Text;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Account;

/// <summary>Makes administrators, as their scripts do.</summary>
internal static class Administrators
{
    private const string Path = "/_synapse/admin/v1/register";

    public static async Task<TestUser> RegisterAsync(TestHomeserver server, string name)
    {
        var nonce = (await server.SendAsync("GET", Path)).Ok().Text("nonce");
#pragma warning disable CA5350 // The scheme of the scripts that call this is HMAC-SHA1.
        var mac = Convert.ToHexStringLower(HMACSHA1.HashData(
            Encoding.UTF8.GetBytes(TestHomeserver.SharedSecret), Encoding.UTF8.GetBytes($"{nonce}\0{name}\0secret\0admin")));
#pragma warning restore CA5350
        var made = (await server.SendAsync(
            "POST",
            Path,
            null,
            $$"""{"nonce":"{{nonce}}","username":"{{name}}","password":"secret","admin":true,"mac":"{{mac}}"}""")).Ok();
        return new TestUser(server, made.Text("user_id"), made.Text("access_token"), made.Text("device_id"));
    }
}
