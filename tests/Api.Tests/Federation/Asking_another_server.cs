using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Federation.ServerKeyApi;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.EventSourced.Api.Tests.Federation;

/// <summary>Outgoing requests between real servers: TLS, addresses, keys, notaries, signatures.</summary>
public sealed class Asking_another_server : IAsyncLifetime
{
    private TestHomeserver _ours = null!;
    private TestHomeserver _theirs = null!;

    private static ServerName NameOf(TestHomeserver server) => IdentityOf(server).Name;

    private static ServerIdentity IdentityOf(TestHomeserver server) =>
        server.Services.GetRequiredService<ServerIdentity>();

    public async Task InitializeAsync()
    {
        _ours = await FederatingServers.StartAsync();
        _theirs = await FederatingServers.StartAsync();
    }

    public async Task DisposeAsync()
    {
        await _ours.DisposeAsync();
        await _theirs.DisposeAsync();
    }

    [Fact]
    public async Task says_its_version_over_tls()
    {
        var answer = await SendAsync(_ours, Get(_theirs, "/_matrix/federation/v1/version"));

        var answered = Assert.IsType<FederationAnswer.Answered>(answer);
        Assert.Equal(200, answered.Status);
        Assert.True(JsonElement.Parse(answered.Body.Span).TryGetProperty("server", out _));
    }

    [Fact]
    public async Task keys_are_fetched_once_and_found_in_the_log_after_a_restart()
    {
        var (name, keyId) = (NameOf(_theirs), IdentityOf(_theirs).Key.KeyId);
        var known = await FindKeysAsync(name, keyId);
        await _theirs.StopAsync();
        await _ours.RestartWithoutDatabaseAsync();
        var again = await FindKeysAsync(name, keyId);

        Assert.True(known!.Keys.KeyIdToKey.ContainsKey(keyId));
        Assert.Equal(known.Document.ToArray(), again!.Document.ToArray());
    }

    [Fact]
    public async Task notary_answers_with_the_keys_of_another_and_its_own_signature()
    {
        var answer = await SendAsync(
            _ours,
            Get(_theirs, $"/_matrix/key/v2/query/{Uri.EscapeDataString(NameOf(_ours).Value)}") with { IsSigned = false });

        var body = JsonElement.Parse(Assert.IsType<FederationAnswer.Answered>(answer).Body.Span);
        var keys = Assert.Single(body.GetProperty("server_keys").EnumerateArray());
        Assert.Equal(NameOf(_ours).Value, keys.GetProperty("server_name").GetString());
        var signatures = keys.GetProperty("signatures");
        Assert.True(signatures.TryGetProperty(NameOf(_ours).Value, out _));
        Assert.True(signatures.TryGetProperty(NameOf(_theirs).Value, out _));
    }

    [Fact]
    public async Task address_in_a_denied_range_is_never_contacted()
    {
        await using var careful = await FederatingServers.StartAsync(federation => federation with
        {
            VerifyCertificates = false,
        });

        var answer = await SendAsync(careful, Get(_theirs, "/_matrix/federation/v1/version"));

        Assert.IsType<FederationAnswer.Denied>(answer);
    }

    [Fact]
    public async Task certificate_that_nobody_vouches_for_is_refused()
    {
        await using var strict = await FederatingServers.StartAsync(federation => federation with
        {
            AllowPrivateAddresses = true,
        });

        var answer = await SendAsync(strict, Get(_theirs, "/_matrix/federation/v1/version"));

        Assert.IsType<FederationAnswer.Unreachable>(answer);
    }

    [Fact]
    public async Task server_that_does_not_run_is_unreachable_and_no_exception()
    {
        var request = Get(_theirs, "/_matrix/federation/v1/version");
        await _theirs.StopAsync();

        Assert.IsType<FederationAnswer.Unreachable>(await SendAsync(_ours, request));
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("uri", false)]
    [InlineData("content", false)]
    [InlineData("destination", false)]
    [InlineData("signature", false)]
    public async Task request_is_verified_as_signed_and_in_no_other_form(string altered, bool holds)
    {
        const string uri = "/_matrix/federation/v1/send/1";
        var content = Encoding.UTF8.GetBytes("""{"edus":[],"pdus":[]}""");
        var destination = altered == "destination" ? ServerName.Parse("other.example") : NameOf(_theirs);
        var ours = IdentityOf(_ours);
        var header = new SignedRequest("PUT", uri, ours.Name, destination, content).Sign(ours.Key).ToString();
        if (altered == "signature")
            header = header.Replace("sig=\"", "sig=\"AAAA", StringComparison.Ordinal);

        var verification = await _theirs.Services.GetRequiredService<IRequestVerifier>().VerifyAsync(
            "PUT",
            altered == "uri" ? uri + "0" : uri,
            header,
            altered == "content" ? "{}"u8.ToArray() : content,
            CancellationToken.None);

        if (holds)
            Assert.Equal(NameOf(_ours), Assert.IsType<RequestVerification.Verified>(verification).Origin);
        else
            Assert.Equal(401, Assert.IsType<RequestVerification.Refused>(verification).Error.Status);
    }

    private static FederationRequest Get(TestHomeserver server, string uri) => new(NameOf(server), "GET", uri);

    private static async Task<FederationAnswer> SendAsync(TestHomeserver from, FederationRequest request) =>
        await from.Services.GetRequiredService<IFederationTransport>().SendAsync(request, CancellationToken.None);

    private async Task<KnownServerKeys?> FindKeysAsync(ServerName server, KeyId keyId)
    {
        var nowMs = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
        var found = await _ours.Services.GetRequiredService<IServerKeyRing>().FindAsync(
            [KeyNeed.ForRequest(server, keyId, nowMs)], CancellationToken.None);
        return found[0];
    }
}
