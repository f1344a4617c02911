using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.Tests.MediaApi;

/// <summary>An answer with its headers.</summary>
internal sealed record MediaReply(int Status, byte[] Bytes, IReadOnlyDictionary<string, string> Headers)
{
    public string? this[string header] => Headers.GetValueOrDefault(header.ToLowerInvariant());

    public string Text => Encoding.UTF8.GetString(Bytes);

    public JsonElement Json => JsonElement.Parse(Bytes);

    public MediaReply Is(int status) => Status == status ? this : throw new Xunit.Sdk.XunitException($"{Status}: {Text}");

    public void Refused(int status, string errCode) =>
        Assert.Equal($"{status} {errCode}", $"{Status} {Json.GetProperty("errcode").GetString()}");
}

/// <summary>Requests of the content repository.</summary>
internal static class MediaCalls
{
    private static readonly HttpClient Client = new() { Timeout = TimeSpan.FromMinutes(2) };

    public static async Task<MediaReply> SendAsync(
        TestHomeserver server, HttpRequestMessage request, string? token, string target)
    {
        request.RequestUri = new Uri(server.Address.GetLeftPart(UriPartial.Authority) + target);
        if (token is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var response = await Client.SendAsync(request);
        var headers = response.Headers.Concat(response.Content.Headers)
            .ToDictionary(header => header.Key.ToLowerInvariant(), header => string.Join(", ", header.Value));
        return new MediaReply((int)response.StatusCode, await response.Content.ReadAsByteArrayAsync(), headers);
    }

    public static async Task<MediaReply> GetAsync(
        TestHomeserver server, string target, string? token, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, (Uri?)null);
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return await SendAsync(server, request, token, target);
    }

    public static async Task<MediaReply> UploadAsync(
        TestHomeserver server,
        TestUser user,
        byte[] content,
        string? type = "text/plain",
        string? fileName = null,
        string target = "/_matrix/media/v3/upload",
        bool isChunked = false)
    {
        using var request = new HttpRequestMessage(
            target.EndsWith("upload", StringComparison.Ordinal) ? HttpMethod.Post : HttpMethod.Put, (Uri?)null);
        request.Content = isChunked ? new StreamContent(new Unsized(content)) : new ByteArrayContent(content);
        if (type is not null)
            request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        if (fileName is not null)
            target += $"?filename={Uri.EscapeDataString(fileName)}";
        return await SendAsync(server, request, user.Token, target);
    }

    /// <summary>Uploads, and answers where it is.</summary>
    public static async Task<MxcUri> PutAsync(
        TestHomeserver server, TestUser user, byte[] content, string? type = "text/plain", string? fileName = null)
    {
        var reply = (await UploadAsync(server, user, content, type, fileName)).Is(200);
        Assert.True(MxcUri.TryParse(reply.Json.GetProperty("content_uri").GetString(), out var uri));
        return uri;
    }

    /// <summary>Makes an id, and answers where the content will be.</summary>
    public static async Task<MxcUri> CreateAsync(TestUser user)
    {
        var reply = (await user.PostAsync("/_matrix/media/v1/create")).Ok();
        Assert.True(MxcUri.TryParse(reply.Text("content_uri"), out var uri));
        return uri;
    }

    public static string Download(MxcUri uri, string rest = "") =>
        $"/_matrix/client/v1/media/download/{uri.Server}/{uri.MediaId}{rest}";

    public static string Thumbnail(MxcUri uri, string query) =>
        $"/_matrix/client/v1/media/thumbnail/{uri.Server}/{uri.MediaId}?{query}";

    public static string Upload(MxcUri uri) => $"/_matrix/media/v3/upload/{uri.Server}/{uri.MediaId}";

    public static int BlobCount(TestHomeserver server) =>
        Directory.GetFiles(Path.Combine(server.DataFolder, "media", "blobs"), "*", SearchOption.AllDirectories).Length;

    public static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    /// <summary>Says no length, so that it goes in chunks.</summary>
    private sealed class Unsized(byte[] content) : MemoryStream(content)
    {
        public override bool CanSeek => false;

        public override long Length => throw new NotSupportedException();
    }
}
