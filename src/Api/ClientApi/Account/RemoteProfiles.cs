using System.Runtime.InteropServices;
using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Federation.RemoteRooms;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>Profiles of other servers' users, asked for when somebody wants to see them.</summary>
/// <remarks>Spec: v1.19 server-server-api #get_matrixfederationv1queryprofile.</remarks>
internal static class RemoteProfiles
{
    public static async ValueTask<(Profile? Profile, MatrixError? Error)> FindAsync(
        MatrixRequest request, UserId userId)
    {
        var answer = await request.Get<FederationClient>().QueryProfileAsync(
            userId.Server, userId, null, request.ClientGone);
        if (answer.ValueOrDefault is not { } found)
            return (null, RemoteErrors.Of(answer));
        var fields = new List<KeyValuePair<string, ReadOnlyMemory<byte>>>();
        foreach (var field in found.Json.EnumerateObject())
        {
            var value = JsonMarshal.GetRawUtf8Value(field.Value);
            // LIMIT: as large as our own users' profiles may be; what is more is left out.
            if (value.Length <= Limits.ProfileBytesMax && field.Value.ValueKind != JsonValueKind.Null)
                fields.Add(new(field.Name, value.ToArray()));
        }
        return (new Profile([.. fields.OrderBy(field => field.Key, StringComparer.Ordinal)]), null);
    }
}
