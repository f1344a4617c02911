using Matrix.EventSourced.Api.Http;

namespace Matrix.EventSourced.Api;

public static partial class Composition
{
    internal static void AddRoomserver(IServiceCollection services)
    {
    }

    internal static void MapRoomserver(EndpointTable table)
    {
    }
}
