using Matrix.EventSourced.Api.Http;

namespace Matrix.EventSourced.Api.FederationApi;

/// <summary>Name and version of this implementation.</summary>
internal static class ServerVersion
{
    public const string Name = "Matrix.EventSourced";

    public static readonly EndpointSpec Spec = new(
        "GET", "/_matrix/federation/v1/version", AuthKind.None, RateClass.None,
        "server-server-api#get_matrixfederationv1version");

    public static string Version { get; } =
        typeof(ServerVersion).Assembly.GetName().Version?.ToString(3)
            ?? throw new InvalidOperationException("No version.");

    public static void Map(EndpointTable table) => table.Add(Spec, static _ => new(new MatrixResponse.Json(writer =>
    {
        writer.WriteStartObject();
        writer.WriteStartObject("server");
        writer.WriteString("name", Name);
        writer.WriteString("version", Version);
        writer.WriteEndObject();
        writer.WriteEndObject();
    })));
}
