using Matrix.EventSourced.Api.Http;

namespace Matrix.EventSourced.Api;

public static partial class Composition
{
    internal static void AddUserApi(IServiceCollection services)
    {
    }

    internal static void MapUserApi(EndpointTable table)
    {
    }
}
