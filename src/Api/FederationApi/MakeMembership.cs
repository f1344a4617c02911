using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Federation.FederationApi;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;

namespace Matrix.EventSourced.Api.FederationApi;

/// <summary>Templates of member events for users of other servers.</summary>
internal static class MakeMembership
{
    public static readonly EndpointSpec JoinSpec = Of("make_join");
    public static readonly EndpointSpec LeaveSpec = Of("make_leave");
    public static readonly EndpointSpec KnockSpec = Of("make_knock");

    public static void Map(EndpointTable table)
    {
        table.Add(JoinSpec, static request => HandleAsync(request, "join"));
        table.Add(LeaveSpec, static request => HandleAsync(request, "leave"));
        table.Add(KnockSpec, static request => HandleAsync(request, "knock"));
    }

    private static EndpointSpec Of(string name) => new(
        "GET", $"/_matrix/federation/v1/{name}/{{roomId}}/{{userId}}", AuthKind.Server, RateClass.None,
        $"server-server-api#get_matrixfederationv1{name}roomiduserid");

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request, string membership)
    {
        if (!request.TryGetRoomId(out var roomId, out var error))
            return error;
        if (!UserId.TryParse(request.Path("userId"), out var userId))
            return MatrixError.InvalidParam("The path must name a user.");
        // Who says nothing supports version 1 only; a leave is possible from any.
        var versions = membership == "leave" ? null
            : request.Http.Request.Query.TryGetValue("ver", out var given) ? given.OfType<string>().ToList() : ["1"];
        var (template, refusal) = await request.Get<ResidentMemberships>().MakeAsync(
            request.CommandContext(), request.Origin, roomId, userId, membership, versions, request.ClientGone);
        if (template is null)
            return refusal!;
        return new MatrixResponse.Json(json =>
        {
            json.WriteStartObject();
            json.WritePropertyName("event"u8);
            WriteTemplate(json, template.Pdu);
            json.WriteString("room_version"u8, template.RoomVersion);
            json.WriteEndObject();
        });
    }

    /// <summary>The event without what its sender's server adds.</summary>
    private static void WriteTemplate(Utf8JsonWriter json, Pdu pdu)
    {
        json.WriteStartObject();
        foreach (var member in JsonElement.Parse(pdu.Json.Span).EnumerateObject())
        {
            if (!member.NameEquals("hashes"u8) && !member.NameEquals("signatures"u8)
                && !member.NameEquals("event_id"u8))
                member.WriteTo(json);
        }
        json.WriteEndObject();
    }
}
