using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Api.Sync;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Reading;

/// <summary>GET /rooms/{roomId}/members: the member events of a room, now or at a token.</summary>
internal static class MembersEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v3/rooms/{roomId}/members",
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv3roomsroomidmembers")
    {
        GuestsAllowed = true,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        if (!ReadingParameters.TryReadToken(request, "at", out var at, out var error))
            return error!;
        if (!TryReadMembership(request, "membership", out var only) || !TryReadMembership(
            request, "not_membership", out var except))
            return MatrixError.InvalidParam("membership and not_membership are join, invite, knock, leave or ban.");
        var (access, refusal) = await RoomAccess.OpenAsync(request);
        if (refusal is not null)
            return refusal;
        var stateAt = Math.Min(at ?? long.MaxValue, access!.StateAt);
        var audience = RoomAccess.Audience(request);
        var pages = request.Get<RoomReader>().ReadMembersAsync(access.RoomId.Value, stateAt, request.ClientGone);
        return new MatrixResponse.JsonParts(async parts =>
        {
            parts.Json.WriteStartObject();
            parts.Json.WriteStartArray("chunk"u8);
            await foreach (var page in pages)
            {
                foreach (var member in page)
                {
                    if (IsChosen(member, only, except))
                        EventWriter.Write(parts.Json, member, audience, access.History, withRoomId: true);
                }
                await parts.SendAsync();
            }
            parts.Json.WriteEndArray();
            parts.Json.WriteEndObject();
        });
    }

    /// <summary>Both parameters together are a union: the spec's "or".</summary>
    private static bool IsChosen(StoredEvent member, Membership? only, Membership? except) => (only, except) switch
    {
        (null, null) => true,
        (_, null) => member.Membership == only,
        (null, _) => member.Membership != except,
        _ => member.Membership == only || member.Membership != except,
    };

    private static bool TryReadMembership(MatrixRequest request, string name, out Membership? membership)
    {
        membership = null;
        if (request.Query(name) is not { Length: > 0 } word)
            return true;
        membership = Memberships.Find(word);
        return membership is not null;
    }
}
