using Matrix.EventSourced.Api.Http;

namespace Matrix.EventSourced.Api;

public static partial class Composition
{
    internal static void AddReadSide(IServiceCollection services)
    {
    }

    internal static void MapReadSide(EndpointTable table)
    {
    }
}
