using Matrix.EventSourced.Api.ClientApi.Rooms;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.KeyServer;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Federation.KeyServer;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Api.ClientApi.Keys;

/// <summary>Gives out one-time keys of devices, here and elsewhere.</summary>
internal static class ClaimKeysEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "POST",
        "/_matrix/client/v3/keys/claim",
        AuthKind.AccessToken,
        RateClass.Message,
        "client-server-api#post_matrixclientv3keysclaim")
    {
        GuestsAllowed = true,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        if (KeyRequests.ReadTimeout(body, out var timeout) is { } wrong)
            return wrong;
        if (KeyRequests.ReadClaims(body, out var claims) is { } wrongClaims)
            return wrongClaims;
        var us = request.Get<ServerIdentity>().Name;
        var ours = claims.FindAll(claim => claim.UserId.IsOn(us));
        // Side by side: what is here must not wait for a server that is away.
        var remote = request.Get<RemoteKeys>().ClaimAsync(
            claims.FindAll(claim => !claim.UserId.IsOn(us)), timeout, request.ClientGone).AsTask();
        var local = await request.SendAsync(new ClaimKeys(request.CommandContext(), ours));
        var others = await remote;
        if (local is not CommandResult<IReadOnlyList<ClaimedKey>>.Done { Value: var claimed })
            return ((CommandResult<IReadOnlyList<ClaimedKey>>.Refused)local).Error;
        var all = claimed.Concat(others.Found.SelectMany(user => user.Value.Select(
            key => new ClaimedKey(user.Key, key.DeviceId, key.Key)))).ToList();
        return new MatrixResponse.Json(json =>
        {
            json.WriteStartObject();
            KeyRequests.WriteFailures(json, others.Failures);
            KeyRequests.WriteClaimed(json, all);
            json.WriteEndObject();
        });
    }
}
