using Matrix.EventSourced.Api.Tests.Federation;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Protocol.Identifiers;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.DependencyInjection;
using static Matrix.EventSourced.Api.Tests.MediaApi.MediaCalls;

namespace Matrix.EventSourced.Api.Tests.MediaApi;

/// <summary>Two real servers show each other's media.</summary>
public sealed class Media_between_servers : TwoServers
{
    [Fact]
    public async Task is_copied_once_and_shown_as_it_is_at_its_server()
    {
        var content = TestImages.Png(400, 200);
        var uri = await PutAsync(First, Alice, content, "image/png", "gärten.png");
        var replies = await Task.WhenAll(
            Enumerable.Range(0, 6).Select(_ => GetAsync(Second, Download(uri), Bob.Token)));
        foreach (var reply in replies)
        {
            Assert.Equal(content, reply.Is(200).Bytes);
            Assert.Equal("image/png", reply["Content-Type"]);
            Assert.Equal("inline; filename*=utf-8''g%C3%A4rten.png", reply["Content-Disposition"]);
        }
        Assert.Equal(1, BlobCount(Second));

        // Its own server is no longer needed.
        await First.StopAsync();
        Assert.Equal(content, (await GetAsync(Second, Download(uri), Bob.Token)).Is(200).Bytes);
        var thumbnail = (await GetAsync(Second, Thumbnail(uri, "width=32&height=32&method=crop"), Bob.Token)).Is(200);
        Assert.Equal((32, 32, 1), TestImages.SizeOf(thumbnail.Bytes));
        await Second.RestartWithoutDatabaseAsync();
        Assert.Equal(content, (await GetAsync(Second, Download(uri), Bob.Token)).Is(200).Bytes);
    }

    [Fact]
    public async Task that_is_not_there_is_not_found_and_that_is_to_come_is_not_yet()
    {
        var server = ServerName.Parse(ServerOf(Alice));
        (await GetAsync(Second, Download(new(server, MediaId.Parse("nope"))), Bob.Token)).Refused(404, "M_NOT_FOUND");
        var pending = await CreateAsync(Alice);
        (await GetAsync(Second, Download(pending, "?timeout_ms=0"), Bob.Token)).Refused(504, "M_NOT_YET_UPLOADED");
        var waiting = GetAsync(Second, Download(pending, "?timeout_ms=40000"), Bob.Token);
        (await UploadAsync(First, Alice, Utf8("late"), target: Upload(pending))).Is(200);
        Assert.Equal("late", (await waiting).Is(200).Text);
    }

    [Fact]
    public async Task of_a_server_that_is_away_cannot_be_fetched()
    {
        var uri = await PutAsync(First, Alice, Utf8("gone"));
        await First.StopAsync();
        (await GetAsync(Second, Download(uri), Bob.Token)).Refused(502, "M_UNKNOWN");
        (await GetAsync(Second, Thumbnail(uri, "width=1&height=1"), Bob.Token)).Refused(502, "M_UNKNOWN");
    }

    /// <summary>What a server gets that signs: exactly two parts.</summary>
    [Fact]
    public async Task is_given_out_in_two_parts()
    {
        var content = TestImages.Png(400, 200);
        var uri = await PutAsync(First, Alice, content, "image/png", "gärten.png");
        var whole = await AskAsync($"download/{uri.MediaId}");
        Assert.Equal((200, "image/png", "inline; filename*=utf-8''g%C3%A4rten.png"), (whole.Status, whole.Type, whole.Disposition));
        Assert.Equal(content, whole.Bytes);
        var small = await AskAsync($"thumbnail/{uri.MediaId}?width=32&height=32&method=crop");
        Assert.Equal((200, "image/png", "inline; filename=\"thumbnail.png\""), (small.Status, small.Type, small.Disposition));
        Assert.Equal((32, 32, 1), TestImages.SizeOf(small.Bytes));

        var text = await PutAsync(First, Alice, Utf8("text"));
        Assert.Equal(400, (await AskAsync($"thumbnail/{text.MediaId}?width=32&height=32")).Status);
        Assert.Equal(400, (await AskAsync($"thumbnail/{uri.MediaId}?width=32")).Status);
        Assert.Equal(400, (await AskAsync($"download/{uri.MediaId}?timeout_ms=x")).Status);
        Assert.Equal(404, (await AskAsync("download/nope")).Status);
        Assert.Equal(404, (await AskAsync("download/..%2F..%2Fsigning.key")).Status);
        var pending = await CreateAsync(Alice);
        Assert.Equal(504, (await AskAsync($"download/{pending.MediaId}?timeout_ms=0")).Status);
    }

    private async Task<(int Status, string? Type, string? Disposition, byte[] Bytes)> AskAsync(string path)
    {
        var transport = Second.Services.GetRequiredService<IStreamingTransport>();
        var request = new FederationRequest(
            ServerName.Parse(ServerOf(Alice)), "GET", $"/_matrix/federation/v1/media/{path}");
        using var answer = await transport.OpenAsync(request, CancellationToken.None);
        var response = answer.Response!;
        if (!response.IsSuccessStatusCode)
            return ((int)response.StatusCode, null, null, []);
        var type = response.Content.Headers.ContentType!;
        Assert.Equal("multipart/mixed", type.MediaType);
        var bytes = await response.Content.ReadAsByteArrayAsync();
        Assert.Equal(response.Content.Headers.ContentLength, bytes.Length);
        var reader = new MultipartReader(type.Parameters.Single(parameter => parameter.Name == "boundary").Value!, new MemoryStream(bytes));
        var described = (await reader.ReadNextSectionAsync())!;
        Assert.Equal("application/json", described.ContentType);
        Assert.Equal("{}", await new StreamReader(described.Body).ReadToEndAsync());
        var content = (await reader.ReadNextSectionAsync())!;
        var body = new MemoryStream();
        await content.Body.CopyToAsync(body);
        Assert.Null(await reader.ReadNextSectionAsync());
        return (200, content.ContentType, content.ContentDisposition, body.ToArray());
    }

    [Fact]
    public async Task is_given_to_servers_only_that_sign()
    {
        var uri = await PutAsync(First, Alice, Utf8("signed"));
        using var handler = new HttpClientHandler
        {
            ServerCertificateCustomValidationCallback = HttpClientHandler.DangerousAcceptAnyServerCertificateValidator,
        };
        using var client = new HttpClient(handler);
        foreach (var path in (string[])["download", "thumbnail"])
        {
            var target = $"{First.Running.FederationAddresses[0]}/_matrix/federation/v1/media/{path}/{uri.MediaId}";
            using var response = await client.GetAsync(new Uri(target));
            Assert.Equal(401, (int)response.StatusCode);
        }
    }
}
