using Matrix.EventSourced.Api.Adapters;
using Matrix.EventSourced.Api.ClientApi.Account;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;

namespace Matrix.EventSourced.Api;

public static partial class Composition
{
    internal static void AddAccount(IServiceCollection services)
    {
        services.AddSingleton<IPusherOwners, PusherOwners>();
    }

    /// <summary>The smaller modules around an account: tags, push rules and what else belongs to one user.</summary>
    internal static void MapAccount(EndpointTable table)
    {
        RoomTagEndpoints.Map(table);
        Pushers.Map(table);
    }
}
