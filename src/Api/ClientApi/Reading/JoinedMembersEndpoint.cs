using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Reading;

/// <summary>GET /rooms/{roomId}/joined_members: who is in the room, with the names that they go by there.</summary>
internal static class JoinedMembersEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v3/rooms/{roomId}/joined_members",
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv3roomsroomidjoined_members");

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (access, refusal) = await RoomAccess.OpenAsync(request);
        if (refusal is not null)
            return refusal;
        if (!access!.History.IsJoined)
            return MatrixError.Forbidden("You are not a member of the room.");
        var pages = request.Get<RoomReader>().ReadMembersAsync(
            access.RoomId.Value, access.StateAt, request.ClientGone);
        return new MatrixResponse.JsonParts(async parts =>
        {
            parts.Json.WriteStartObject();
            parts.Json.WriteStartObject("joined"u8);
            await foreach (var page in pages)
            {
                foreach (var member in page)
                {
                    if (member.Membership == Membership.Join)
                        WriteMember(parts.Json, member);
                }
                await parts.SendAsync();
            }
            parts.Json.WriteEndObject();
            parts.Json.WriteEndObject();
        });
    }

    private static void WriteMember(Utf8JsonWriter writer, StoredEvent member)
    {
        writer.WriteStartObject(member.StateKey!);
        // Who gave no name goes by the user id (#calculating-the-display-name-for-a-user). The member may be left out,
        // but matrix-nio then takes nothing of the answer, and encrypts for nobody.
        writer.WriteString("display_name"u8, member.Pdu.FindContentString("displayname"u8) ?? member.StateKey);
        if (member.Pdu.FindContentString("avatar_url"u8) is { } avatarUrl)
            writer.WriteString("avatar_url"u8, avatarUrl);
        writer.WriteEndObject();
    }
}
