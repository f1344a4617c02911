using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Api.Sync;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.KeyServer;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Keys;

/// <summary>Tells whose keys changed between two tokens of /sync.</summary>
internal static class KeyChangesEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v3/keys/changes",
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv3keyschanges")
    {
        GuestsAllowed = true,
    };

    private static readonly ReadOnlyMemory<string> Gate =
        new[] { KeyServerProjection.ProjectionName, RoomserverProjection.ProjectionName };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        if (request.Query("from") is not { Length: > 0 } from || request.Query("to") is not { Length: > 0 } to)
            return MatrixError.MissingParam("from and to are needed.");
        if (!SyncTokens.TryRead(from, out var since, out _) || !SyncTokens.TryRead(to, out var upTo, out _))
            return MatrixError.InvalidParam("from and to must be tokens of /sync.");
        var head = (long)(await request.Get<IProjectionGate>().WaitForHeadAsync(Gate, request.ClientGone)).Value;
        var changes = await request.Get<KeyServerReader>().ReadChangesAsync(
            request.Requester.UserId.Value, since, Math.Min(upTo, head), request.ClientGone);
        return new MatrixResponse.Json(json =>
        {
            json.WriteStartObject();
            DeviceListWriter.WriteMembers(json, changes);
            json.WriteEndObject();
        });
    }
}
