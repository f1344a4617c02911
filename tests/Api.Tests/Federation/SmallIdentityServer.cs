using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;
using Matrix.EventSourced.Protocol.Signing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Api.Tests.Federation;

/// <summary>An identity server on loopback: looks addresses up, keeps invites, says whether its key counts.</summary>
/// <remarks>Spec: v1.19 identity-service-api.</remarks>
internal sealed class SmallIdentityServer : IAsyncDisposable
{
    public const string Token = "of the identity server";
    private const string Prefix = "/_matrix/identity/v2";

    private readonly IHost _host;
    private readonly ServerSigningKey _key = ServerSigningKey.FromSeed(KeyId.Parse("ed25519:0"), RandomNumberGenerator.GetBytes(32));
    private string _pepper = "salt";

    private SmallIdentityServer(IHost host) => _host = host;

    /// <summary>Host and port.</summary>
    public string Name { get; private set; } = null!;

    public Dictionary<string, string> AddressToUser { get; } = [];

    /// <summary>Invites that are kept: their requests.</summary>
    public List<JsonElement> Invites { get; } = [];

    public List<string> Requests { get; } = [];

    public bool IsKeyValid { get; set; } = true;

    /// <summary>The pepper changes after the first look at it.</summary>
    public bool ChangesPepper { get; set; }

    /// <summary>Somebody binds the address between look-up and invite.</summary>
    public string? BoundMeanwhile { get; set; }

    /// <summary>What is answered in place of all else.</summary>
    public (int Status, string Body)? Answer { get; set; }

    public static async Task<SmallIdentityServer> StartAsync()
    {
        SmallIdentityServer? server = null;
        var certificate = MakeCertificate();
        var host = new HostBuilder().ConfigureWebHost(web => web
            .UseKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(certificate)))
            .ConfigureLogging(logging => logging.ClearProviders())
            .Configure(app => app.Run(http => server!.HandleAsync(http)))).Build();
        server = new SmallIdentityServer(host);
        await host.StartAsync();
        var addresses = host.Services.GetRequiredService<Microsoft.AspNetCore.Hosting.Server.IServer>().Features
            .Get<Microsoft.AspNetCore.Hosting.Server.Features.IServerAddressesFeature>()!.Addresses;
        server.Name = new Uri(addresses.First()).Authority;
        return server;
    }

    /// <summary>What it tells a homeserver once an address is a user's.</summary>
    public string Binding(string address, string userId) =>
        Binding(address, userId, [.. Invites.Select((invite, i) => (invite, Sign(userId, $"token{i}")))]);

    /// <summary>That an address is a user's; with who invited it where the user asks for it themselves.</summary>
    public byte[] Sign(string userId, string token, string? sender = null) => JsonSigning.Sign(
        JsonElement.Parse(Encoding.UTF8.GetBytes(sender is null
            ? $$"""{"mxid":"{{userId}}","token":"{{token}}"}"""
            : $$"""{"mxid":"{{userId}}","sender":"{{sender}}","token":"{{token}}"}""")),
        ServerName.Parse(Name),
        _key);

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
    }

    public static string Binding(string address, string userId, List<(JsonElement Invite, byte[] Signed)> invites)
    {
        var all = invites
            .Where(one => one.Invite.GetProperty("address").GetString() == address)
            .Select(one => $$"""
                {"medium":"email","address":"{{address}}","mxid":"{{userId}}",
                "room_id":{{one.Invite.GetProperty("room_id").GetRawText()}},
                "sender":{{one.Invite.GetProperty("sender").GetRawText()}},
                "signed":{{Encoding.UTF8.GetString(one.Signed)}} }
                """);
        return $$"""
            {"medium":"email","address":"{{address}}","mxid":"{{userId}}","invites":[{{string.Join(',', all)}}]}
            """;
    }

    private async Task HandleAsync(HttpContext http)
    {
        var path = http.Request.Path.Value!.Replace(Prefix, string.Empty, StringComparison.Ordinal);
        using var reader = new StreamReader(http.Request.Body);
        var text = await reader.ReadToEndAsync();
        (int Status, string Body) answer;
        lock (Requests)
        {
            Requests.Add(path);
            answer = Answer
                ?? (path.StartsWith("/pubkey", StringComparison.Ordinal) ? AnswerKey(http)
                    : http.Request.Headers.Authorization != $"Bearer {Token}"
                        ? (401, """{"errcode":"M_UNAUTHORIZED","error":"Who are you?"}""")
                        : AnswerTo(path, text.Length == 0 ? default : JsonElement.Parse(Encoding.UTF8.GetBytes(text))));
        }
        http.Response.StatusCode = answer.Status;
        await http.Response.WriteAsync(answer.Body);
    }

    private (int Status, string Body) AnswerKey(HttpContext http) =>
        (200, $$"""{"valid":{{(IsKeyValid && http.Request.Query["public_key"] == _key.PublicKeyBase64 ? "true" : "false")}}}""");

    private (int Status, string Body) AnswerTo(string path, JsonElement body)
    {
        switch (path)
        {
            case "/hash_details":
                var told = _pepper;
                if (ChangesPepper)
                    (_pepper, ChangesPepper) = ("another salt", false);
                return (200, $$"""{"algorithms":["none","sha256"],"lookup_pepper":"{{told}}"}""");
            case "/lookup" when body.GetProperty("pepper").GetString() != _pepper:
                return (400, """{"errcode":"M_INVALID_PEPPER","error":"It has been rotated."}""");
            case "/lookup":
                var wanted = body.GetProperty("addresses")[0].GetString();
                var found = AddressToUser.FirstOrDefault(entry => UnpaddedBase64.EncodeUrlSafe(
                    SHA256.HashData(Encoding.UTF8.GetBytes($"{entry.Key} email {_pepper}"))) == wanted);
                return (200, found.Key is null ? """{"mappings":{}}""" : $$$"""{"mappings":{"{{{wanted}}}":"{{{found.Value}}}"} }""");
            case "/store-invite" when BoundMeanwhile is not null:
                return (400, $$"""{"errcode":"M_THREEPID_IN_USE","error":"Binding already known","mxid":"{{BoundMeanwhile}}"}""");
            case "/store-invite":
                Invites.Add(body);
                return (200, $$"""
                    {"token":"token{{Invites.Count - 1}}","display_name":"b...@e...",
                    "public_keys":[{"public_key":"{{_key.PublicKeyBase64}}","key_validity_url":"https://{{Name}}{{Prefix}}/pubkey/isvalid"}]}
                    """);
            default:
                return (404, """{"errcode":"M_UNRECOGNIZED","error":"What?"}""");
        }
    }

    private static X509Certificate2 MakeCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256);
        using var made = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(200));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }
}
