using Matrix.EventSourced.Api.ClientApi.Account;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;

namespace Matrix.EventSourced.Api.WellKnown;

/// <summary>Tells clients and servers that know only the server name where to go on.</summary>
internal static class Discovery
{
    public static readonly EndpointSpec ClientSpec = new(
        "GET", "/.well-known/matrix/client", AuthKind.None, RateClass.None,
            "client-server-api#getwell-knownmatrixclient");

    public static readonly EndpointSpec ServerSpec = new(
        "GET", "/.well-known/matrix/server", AuthKind.None, RateClass.None,
            "server-server-api#getwell-knownmatrixserver");

    public static void Map(EndpointTable table)
    {
        table.Add(ClientSpec, static request => new(new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartObject("m.homeserver");
            var config = request.Get<HomeserverConfig>();
            writer.WriteString("base_url", config.PublicBaseUrl);
            writer.WriteEndObject();
            if (config.Voip.LiveKitUrls.Count > 0)
            {
                writer.WritePropertyName("org.matrix.msc4143.rtc_foci"u8);
                RtcTransports.Write(writer, config.Voip);
            }
            writer.WriteEndObject();
        })));
        table.Add(ServerSpec, static request => new(new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("m.server", DelegatedName(request.Get<HomeserverConfig>()));
            writer.WriteEndObject();
        })));
    }

    /// <summary>The host of the server name, with the port that federation comes to.</summary>
    /// <remarks>
    /// A server name with a port is never looked up here. One without stands for port 8448; behind a public base URL
    /// with https the reverse proxy passes federation on, so its port is named.
    /// </remarks>
    internal static string DelegatedName(HomeserverConfig config)
    {
        var name = config.ServerName.Value;
        if (name.LastIndexOf(':') > name.LastIndexOf(']'))
            return name;
        var isBehindProxy = Uri.TryCreate(config.PublicBaseUrl, UriKind.Absolute, out var url) && url.Scheme == "https";
        if (isBehindProxy)
            return $"{url!.Host}:{url.Port}";
        return $"{name}:{(config.Federation.Listener.Listen is [var first, ..] && first.Port != 0 ? first.Port : 8448)}";
    }
}
