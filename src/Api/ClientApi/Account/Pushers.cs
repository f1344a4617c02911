using System.Text.Json;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>The requester's pushers: shown, made, changed and removed.</summary>
internal static class Pushers
{
    private const string GatewayPath = "/_matrix/push/v1/notify";

    public static readonly EndpointSpec GetSpec = new(
        "GET",
        "/_matrix/client/v3/pushers",
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv3pushers");

    public static readonly EndpointSpec SetSpec = new(
        "POST",
        "/_matrix/client/v3/pushers/set",
        AuthKind.AccessToken,
        RateClass.Profile,
        "client-server-api#post_matrixclientv3pushersset");

    public static void Map(EndpointTable table)
    {
        table.Add(GetSpec, GetAsync);
        table.Add(SetSpec, SetAsync);
    }

    private static async ValueTask<MatrixResponse> GetAsync(MatrixRequest request)
    {
        var queries = await request.ReadAsync<IPusherQueries>();
        var pushers = await queries.AllAsync(request.Requester.UserId, request.ClientGone);
        return new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartArray("pushers"u8);
            foreach (var pusher in pushers)
                writer.WriteRawValue(pusher.Span, skipInputValidation: true);
            writer.WriteEndArray();
            writer.WriteEndObject();
        });
    }

    private static async ValueTask<MatrixResponse> SetAsync(MatrixRequest request)
    {
        if (request.Requester.DeviceId.Length == 0)
            return MatrixError.InvalidParam("A pusher belongs to a device, and this request names none.");
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        (var command, error) = Read(request, body);
        return error is null ? await request.SendAsync(command!) : error;
    }

    private static (SetPusher? Command, MatrixError? Error) Read(MatrixRequest request, JsonElement body)
    {
        if (!body.TryGetProperty("kind"u8, out var kind))
            return (null, MatrixError.MissingParam("kind is missing."));
        var fields = new BodyFields(body);
        var command = new SetPusher(
            request.CommandContext(),
            request.Requester.UserId,
            request.Requester.DeviceId,
            fields.RequiredString("app_id"),
            fields.RequiredString("pushkey"),
            Pusher: null,
            fields.Bool("append", otherwise: false));
        if (fields.Error is not null || kind.ValueKind == JsonValueKind.Null)
            return (command, fields.Error);
        if (kind.ValueKind != JsonValueKind.String)
            return (null, MatrixError.BadJson("kind must be a string or null."));
        // This server sends no mail.
        if (!kind.ValueEquals("http"u8))
            return (null, MatrixError.InvalidParam("Only pushers of the kind http are served here."));
        var (pusher, error) = ReadPusher(body, command, request.Get<HomeserverConfig>());
        return (command with { Pusher = pusher }, error);
    }

    /// <summary>What GET shows of the pusher: what the spec names, and the data with all that the app put in.</summary>
    private static (RawJson? Pusher, MatrixError? Error) ReadPusher(
        JsonElement body, SetPusher command, HomeserverConfig config)
    {
        var fields = new BodyFields(body);
        var appName = fields.RequiredString("app_display_name");
        var deviceName = fields.RequiredString("device_display_name");
        var language = fields.RequiredString("lang");
        var profileTag = fields.OptionalString("profile_tag");
        if (fields.Error is not null)
            return (null, fields.Error);
        if (!body.TryGetProperty("data"u8, out var data))
            return (null, MatrixError.MissingParam("data is missing."));
        if (FindProblem(data, config) is { } problem)
            return (null, problem);
        return (new RawJson(AccountRequests.ToBytes(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("pushkey"u8, command.PushKey);
            writer.WriteString("kind"u8, "http"u8);
            writer.WriteString("app_id"u8, command.AppId);
            writer.WriteString("app_display_name"u8, appName);
            writer.WriteString("device_display_name"u8, deviceName);
            if (profileTag is not null)
                writer.WriteString("profile_tag"u8, profileTag);
            writer.WriteString("lang"u8, language);
            writer.WritePropertyName("data"u8);
            data.WriteTo(writer);
            writer.WriteEndObject();
        }).Utf8), null);
    }

    /// <remarks>NOTSPEC: where private addresses may be contacted, which is a test network, http:// will do.</remarks>
    private static MatrixError? FindProblem(JsonElement data, HomeserverConfig config)
    {
        if (data.ValueKind != JsonValueKind.Object)
            return MatrixError.BadJson("data must be an object.");
        if (!data.TryGetProperty("url"u8, out var url))
            return MatrixError.MissingParam("data.url is missing.");
        if (url.ValueKind != JsonValueKind.String)
            return MatrixError.BadJson("data.url must be a string.");
        var isGateway = Uri.TryCreate(url.GetString(), UriKind.Absolute, out var gateway)
            && (gateway.Scheme == Uri.UriSchemeHttps
                || (gateway.Scheme == Uri.UriSchemeHttp && config.Federation.AllowPrivateAddresses))
            && gateway.AbsolutePath == GatewayPath;
        return isGateway
            ? null
            : MatrixError.InvalidParam($"data.url must be an https URL with the path {GatewayPath}.");
    }
}
