using Matrix.EventSourced.Api.ClientApi.Keys;
using Matrix.EventSourced.Api.ClientApi.Rooms;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.KeyServer;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Api.FederationApi;

/// <summary>Another server asks for keys of users of ours. Users of others are passed over: nobody relays.</summary>
internal static class UserKeys
{
    public static readonly EndpointSpec QuerySpec = new(
        "POST", "/_matrix/federation/v1/user/keys/query", AuthKind.Server, RateClass.None,
        "server-server-api#post_matrixfederationv1userkeysquery");

    public static readonly EndpointSpec ClaimSpec = new(
        "POST", "/_matrix/federation/v1/user/keys/claim", AuthKind.Server, RateClass.None,
        "server-server-api#post_matrixfederationv1userkeysclaim");

    public static void Map(EndpointTable table)
    {
        table.Add(QuerySpec, QueryAsync);
        table.Add(ClaimSpec, ClaimAsync);
    }

    private static async ValueTask<MatrixResponse> QueryAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        if (KeyRequests.ReadQuery(body, out var users) is { } wrong)
            return wrong;
        var us = request.Get<ServerIdentity>().Name;
        var answer = await request.Get<KeyQuery>().FindAsync(
            [.. users.Keys.Where(user => user.IsOn(us))], viewer: null, TimeSpan.Zero, request.ClientGone);
        return new MatrixResponse.Json(json =>
        {
            json.WriteStartObject();
            KeyQuery.Write(json, answer, user => users[user]);
            json.WriteEndObject();
        });
    }

    private static async ValueTask<MatrixResponse> ClaimAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        if (KeyRequests.ReadClaims(body, out var claims) is { } wrong)
            return wrong;
        var us = request.Get<ServerIdentity>().Name;
        var result = await request.SendAsync(new ClaimKeys(
            request.CommandContext(), claims.FindAll(claim => claim.UserId.IsOn(us))));
        return result.ToResponse(static claimed => new MatrixResponse.Json(json =>
        {
            json.WriteStartObject();
            KeyRequests.WriteClaimed(json, claimed);
            json.WriteEndObject();
        }));
    }
}
