using Matrix.EventSourced.Api.ClientApi.Account;
using Matrix.EventSourced.Api.Http;

namespace Matrix.EventSourced.Api;

public static partial class Composition
{
    /// <summary>The smaller modules around an account: tags, push rules and what else belongs to one user.</summary>
    internal static void MapAccount(EndpointTable table)
    {
        RoomTagEndpoints.Map(table);
    }
}
