using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Api.ClientApi.Account;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Protocol.AppServices;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.AppService;

/// <summary>An application service asks whether this server reaches it.</summary>
/// <remarks>Spec: v1.19 application-service-api #pinging.</remarks>
internal static class PingEndpoint
{
    /// <summary>Ours: who pings waits for it.</summary>
    private static readonly TimeSpan PingTimeout = TimeSpan.FromSeconds(20);

    /// <summary>LIMIT: characters of the service's answer that are shown to it. Ours: for people.</summary>
    private const int BodyLengthMax = 4_096;

    private static readonly MatrixError NotYours =
        MatrixError.Forbidden("Provided access token is not the appservice's as_token");

    private static readonly MatrixError NoUrl =
        new(400, ErrCodes.UrlNotSet, "Application service doesn't have a URL configured");

    public static readonly EndpointSpec Spec = new(
        "POST",
        "/_matrix/client/v1/appservice/{appserviceId}/ping",
        AuthKind.AccessToken,
        RateClass.None,
        "client-server-api#post_matrixclientv1appserviceappserviceidping")
    {
        Aliases = ["/_matrix/client/unstable/fi.mau.msc2659/appservice/{appserviceId}/ping"],
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        if (request.Requester.AppserviceId is not { } id || id != request.Path("appserviceId")
            || request.Get<AppserviceSet>().Find(id) is not { } service)
        {
            return NotYours;
        }
        var (body, error) = await request.ReadJsonObjectAsync(emptyAllowed: true);
        if (error is not null)
            return error;
        (var transactionId, error) = Read(body);
        if (error is not null)
            return error;
        if (service.Url is null)
            return NoUrl;

        var time = request.Get<TimeProvider>();
        var startedAt = time.GetTimestamp();
        var reply = await request.Get<AppserviceClient>().SendAsync(
            service,
            new AppserviceRequest(
                HttpMethod.Post, "/_matrix/app/v1/ping", LegacyPath: null, BodyOf(transactionId), PingTimeout),
            request.ClientGone);
        var durationMs = (long)time.GetElapsedTime(startedAt).TotalMilliseconds;
        return reply switch
        {
            AppserviceReply.Answered { Status: 200 } => new MatrixResponse.Json(writer =>
            {
                writer.WriteStartObject();
                writer.WriteNumber("duration_ms"u8, durationMs);
                writer.WriteEndObject();
            }),
            AppserviceReply.Answered answered => BadStatus(answered),
            AppserviceReply.TimedOut => new MatrixError(
                504, ErrCodes.ConnectionTimeout, "Connection to application service timed out"),
            _ => new MatrixError(
                502, ErrCodes.ConnectionFailed, $"Connection to application service failed: {reply.Describe()}"),
        };
    }

    private static MatrixError BadStatus(AppserviceReply.Answered answered)
    {
        var status = answered.Status.ToString(CultureInfo.InvariantCulture);
        var text = Encoding.UTF8.GetString(answered.Body.Span);
        if (text.Length > BodyLengthMax)
            text = text[..BodyLengthMax];
        return new MatrixError(502, ErrCodes.BadStatus, $"Ping returned status {status}")
        {
            Extra = [new("status", status), new("body", $"\"{JsonEncodedText.Encode(text)}\"")],
        };
    }

    private static (string? TransactionId, MatrixError? Error) Read(JsonElement body)
    {
        var fields = new BodyFields(body);
        return (fields.OptionalString("transaction_id"), fields.Error);
    }

    private static byte[] BodyOf(string? transactionId)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            if (transactionId is not null)
                writer.WriteString("transaction_id"u8, transactionId);
            writer.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }
}
