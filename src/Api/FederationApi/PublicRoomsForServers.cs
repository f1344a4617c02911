using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Api.PublicRooms;

namespace Matrix.EventSourced.Api.FederationApi;

/// <summary>Other servers show our public directory to their users.</summary>
internal static class PublicRoomsForServers
{
    public static readonly EndpointSpec GetSpec = new(
        "GET", "/_matrix/federation/v1/publicRooms", AuthKind.Server, RateClass.None,
        "server-server-api#get_matrixfederationv1publicrooms");

    public static readonly EndpointSpec PostSpec = new(
        "POST", "/_matrix/federation/v1/publicRooms", AuthKind.Server, RateClass.None,
        "server-server-api#post_matrixfederationv1publicrooms");

    public static void Map(EndpointTable table)
    {
        table.Add(GetSpec, PublicRoomsEndpoint.ListAsync);
        table.Add(PostSpec, PublicRoomsEndpoint.SearchAsync);
    }
}
