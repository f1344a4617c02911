using Matrix.EventSourced.Api.Http;

namespace Matrix.EventSourced.Api;

/// <summary>The one place that knows every component and every engine: what is created, and what is given to whom.</summary>
public static partial class Composition
{
    /// <summary>All endpoints of the client listener, module by module.</summary>
    public static EndpointTable ClientEndpoints()
    {
        var table = new EndpointTable();
        MapUserApi(table);
        MapRoomserver(table);
        MapReadSide(table);
        return table;
    }
}
