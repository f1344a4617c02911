using System.Text.Json;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>Over which services calls of many can be held (MSC4143).</summary>
/// <remarks>Clients ask here, and older ones look into <c>/.well-known/matrix/client</c>.</remarks>
internal static class RtcTransports
{
    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v1/rtc/transports",
        AuthKind.AccessToken,
        RateClass.Read,
        "none#MSC4143")
    {
        GuestsAllowed = true,
        Aliases = ["/_matrix/client/unstable/org.matrix.msc4143/rtc/transports"],
    };

    public static void Map(EndpointTable table) => table.Add(
        Spec,
        static request => new(new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WritePropertyName("rtc_transports"u8);
            Write(writer, request.Get<HomeserverConfig>().Voip);
            writer.WriteEndObject();
        })));

    /// <summary>The services, as both places list them.</summary>
    public static void Write(Utf8JsonWriter writer, VoipConfig voip)
    {
        writer.WriteStartArray();
        foreach (var url in voip.LiveKitUrls)
        {
            writer.WriteStartObject();
            writer.WriteString("type"u8, "livekit"u8);
            writer.WriteString("livekit_service_url"u8, url);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }
}
