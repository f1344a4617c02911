using System.Text;
using Matrix.EventSourced.Api.Tests.MediaApi;

namespace Matrix.EventSourced.Api.Tests.SpecSchemas;

/// <content>The content repository.</content>
public sealed partial class Responses_of_all_endpoints
{
    private const string Media = "/_matrix/media/";

    private async Task CallMediaAsync()
    {
        await _walk.CallAsync($"GET {V1}media/config", _alice);
        await _walk.CallAsync($"GET {Media}v3/config", _alice);
        await _walk.CallAsync($"POST {Media}v3/upload", _alice, body: "content");
        var made = await _walk.CallAsync($"POST {Media}v1/create", _alice);
        string[] id = made.GetProperty("content_uri").GetString()!["mxc://".Length..].Split('/');
        await _walk.CallAsync($"PUT {Media}v3/upload/{{serverName}}/{{mediaId}}", _alice, id, "content");
        await _walk.CallAsync($"PUT {Media}v3/upload/{{serverName}}/{{mediaId}}", _alice, id, "content", status: 409);
        await _walk.CallAsync($"PUT {Media}v3/upload/{{serverName}}/{{mediaId}}", _bob, id, "content", status: 403);
        await _walk.CallAsync($"GET {V1}media/thumbnail/{{serverName}}/{{mediaId}}", _alice, [.. id, "?width=1&height=1"], status: 400);

        await using var site = await FakeServer.StartAsync(isTls: false);
        site.Answer = context => context.Request.Path == "/i.png"
            ? FakeServer.WriteAsync(context, "image/png", TestImages.Png(4, 2))
            : FakeServer.WriteAsync(
                context, "text/html", Encoding.UTF8.GetBytes("<title>T</title><meta property=og:image content=/i.png>"));
        var url = $"?url={Uri.EscapeDataString($"http://{site.Authority}/")}";
        await _walk.CallAsync($"GET {V1}media/preview_url", _alice, [url]);
        await _walk.CallAsync($"GET {Media}v3/preview_url", _alice, [url]);
    }
}
