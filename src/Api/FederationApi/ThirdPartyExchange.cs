using System.Text.Json;
using Matrix.EventSourced.Api.ClientApi.Account;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Federation.FederationApi;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.FederationApi;

/// <summary>Third-party invites become real ones: an identity server says whose an address is now, or the server of who
/// was invited asks for it.</summary>
internal static class ThirdPartyExchange
{
    public static readonly EndpointSpec ExchangeSpec = new(
        "PUT", "/_matrix/federation/v1/exchange_third_party_invite/{roomId}", AuthKind.Server, RateClass.None,
        "server-server-api#put_matrixfederationv1exchange_third_party_inviteroomid");

    /// <summary>Identity servers sign no requests: what they say is signed in itself.</summary>
    public static readonly EndpointSpec OnBindSpec = new(
        "PUT", "/_matrix/federation/v1/3pid/onbind", AuthKind.None, RateClass.Invite,
        "server-server-api#put_matrixfederationv13pidonbind");

    private static readonly MatrixError NotOurs = MatrixError.InvalidParam("'mxid' is no user of this server.");

    public static void Map(EndpointTable table)
    {
        table.Add(ExchangeSpec, ExchangeAsync);
        table.Add(OnBindSpec, OnBindAsync);
    }

    private static async ValueTask<MatrixResponse> ExchangeAsync(MatrixRequest request)
    {
        if (!request.TryGetRoomId(out var roomId, out var error))
            return error;
        var (body, badBody) = await request.ReadJsonObjectAsync();
        if (badBody is not null)
            return badBody;
        var refusal = await request.Get<ThirdPartyRedemption>().ExchangeAsync(
            request.CommandContext(), request.Origin, roomId, body, request.ClientGone);
        return refusal is null ? MatrixResponse.Empty : refusal;
    }

    private static async ValueTask<MatrixResponse> OnBindAsync(MatrixRequest request)
    {
        var (body, badBody) = await request.ReadJsonObjectAsync();
        if (badBody is not null)
            return badBody;
        if (!body.TryGetProperty("mxid"u8, out var mxid) || mxid.ValueKind != JsonValueKind.String
            || !body.TryGetProperty("invites"u8, out var invites) || invites.ValueKind != JsonValueKind.Array)
            return MatrixError.BadJson("'mxid' must be a string and 'invites' an array.");
        if (invites.GetArrayLength() > Limits.BoundInvitesMax)
        {
            return new MatrixError(
                400, ErrCodes.TooLarge, $"At most {Limits.BoundInvitesMax} invites can be taken up at once.");
        }
        if (!UserId.TryParse(mxid.GetString(), out var userId))
            return NotOurs;
        var accounts = await request.ReadAsync<IAccountQueries>();
        if (await accounts.FindAsync(userId, request.ClientGone) is null or { IsDeactivated: true })
            return NotOurs;
        await request.Get<ThirdPartyRedemption>().TakeUpAsync(request.CommandContext(), userId, invites);
        return MatrixResponse.Empty;
    }
}
