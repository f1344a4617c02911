using System.Text;
using Matrix.EventSourced.Api.AppService;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>Networks that application services bridge to: the services are asked.</summary>
/// <remarks>Spec: v1.19 client-server-api #third-party-networks.</remarks>
internal static class ThirdPartyNetworks
{
    private const string Path = "/_matrix/client/v3/thirdparty/";

    private static readonly MatrixError NoProtocol = MatrixError.NotFound("There is no such protocol here.");
    private static readonly MatrixError NoPortal = MatrixError.NotFound("No network was found for this.");

    /// <summary>Query parameters that are this server's own business.</summary>
    private static readonly string[] OwnParameters = ["access_token", "user_id", "device_id"];

    public static readonly IReadOnlyList<(EndpointSpec Spec, MatrixHandler Handler)> Entries =
    [
        (Spec("protocols", "protocols"), ProtocolsAsync),
        (Spec("protocol/{protocol}", "protocolprotocol"), ProtocolAsync),
        (Spec("location/{protocol}", "locationprotocol"), static request => ByProtocolAsync(request, "location")),
        (Spec("user/{protocol}", "userprotocol"), static request => ByProtocolAsync(request, "user")),
        (Spec("location", "location"), static request => ReverseAsync(request, "location", "alias")),
        (Spec("user", "user"), static request => ReverseAsync(request, "user", "userid")),
    ];

    public static void Map(EndpointTable table)
    {
        foreach (var (spec, handler) in Entries)
            table.Add(spec, handler);
    }

    private static EndpointSpec Spec(string path, string heading) => new(
        "GET",
        Path + path,
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv3thirdparty" + heading);

    private static async ValueTask<MatrixResponse> ProtocolsAsync(MatrixRequest request)
    {
        var lookups = request.Get<ThirdPartyLookups>();
        var questions = lookups.Protocols.Select(async protocol =>
            (protocol, await lookups.FindProtocolAsync(protocol, request.ClientGone)));
        var answers = await Task.WhenAll(questions);
        return new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            foreach (var (protocol, json) in answers)
            {
                if (json is null)
                    continue;
                writer.WritePropertyName(protocol);
                writer.WriteRawValue(json.Value.Span, skipInputValidation: true);
            }
            writer.WriteEndObject();
        });
    }

    private static async ValueTask<MatrixResponse> ProtocolAsync(MatrixRequest request) =>
        await request.Get<ThirdPartyLookups>().FindProtocolAsync(request.Path("protocol"), request.ClientGone)
            is { } found
            ? new MatrixResponse.RawJson(found)
            : NoProtocol;

    private static async ValueTask<MatrixResponse> ByProtocolAsync(MatrixRequest request, string kind)
    {
        var protocol = request.Path("protocol");
        var lookups = request.Get<ThirdPartyLookups>();
        if (!lookups.Protocols.Contains(protocol))
            return NoProtocol;
        var query = new StringBuilder();
        foreach (var (name, values) in request.Http.Request.Query)
        {
            if (OwnParameters.Contains(name))
                continue;
            foreach (var value in values)
            {
                query.Append(query.Length == 0 ? '?' : '&')
                    .Append(Uri.EscapeDataString(name)).Append('=').Append(Uri.EscapeDataString(value ?? ""));
            }
        }
        return await lookups.FindAsync(
            $"{kind}/{Uri.EscapeDataString(protocol)}", protocol, query.ToString(), request.ClientGone) is { } found
            ? new MatrixResponse.RawJson(found)
            : NoPortal;
    }

    private static async ValueTask<MatrixResponse> ReverseAsync(MatrixRequest request, string kind, string parameter)
    {
        if (request.Query(parameter) is not { } value)
            return MatrixError.MissingParam($"{parameter} is missing.");
        return await request.Get<ThirdPartyLookups>().FindAsync(
            kind, null, $"?{parameter}={Uri.EscapeDataString(value)}", request.ClientGone) is { } found
            ? new MatrixResponse.RawJson(found)
            : NoPortal;
    }
}
