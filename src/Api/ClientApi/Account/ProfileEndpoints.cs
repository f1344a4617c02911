using System.Runtime.InteropServices;
using System.Text.Json;
using Matrix.EventSourced.Api.AppService;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.AppService;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>Profiles: read by anybody, written by their owner.</summary>
internal static class ProfileEndpoints
{
    private const string FieldPath = "/_matrix/client/v3/profile/{userId}/{keyName}";

    public static readonly EndpointSpec GetSpec = new(
        "GET",
        "/_matrix/client/v3/profile/{userId}",
        AuthKind.None,
        RateClass.Read,
        "client-server-api#get_matrixclientv3profileuserid");

    public static readonly EndpointSpec GetFieldSpec = new(
        "GET", FieldPath, AuthKind.None, RateClass.Read, "client-server-api#get_matrixclientv3profileuseridkeyname");

    public static readonly EndpointSpec PutFieldSpec = new(
        "PUT",
        FieldPath,
        AuthKind.AccessToken,
        RateClass.Profile,
        "client-server-api#put_matrixclientv3profileuseridkeyname")
    {
        ForbiddenWhileSuspended = true,
        // Guests may change their display name; the command refuses them the rest.
        GuestsAllowed = true,
    };

    public static readonly EndpointSpec DeleteFieldSpec = new(
        "DELETE",
        FieldPath,
        AuthKind.AccessToken,
        RateClass.Profile,
        "client-server-api#delete_matrixclientv3profileuseridkeyname")
    {
        ForbiddenWhileSuspended = true,
        GuestsAllowed = true,
    };

    private static readonly MatrixError NoProfile = MatrixError.NotFound("There is no profile for this user.");

    public static void Map(EndpointTable table)
    {
        table.Add(GetSpec, GetAsync);
        table.Add(GetFieldSpec, GetFieldAsync);
        table.Add(PutFieldSpec, PutFieldAsync);
        table.Add(DeleteFieldSpec, DeleteFieldAsync);
    }

    private static async ValueTask<MatrixResponse> GetAsync(MatrixRequest request)
    {
        var (profile, error) = await FindAsync(request);
        return profile is null ? error! : new MatrixResponse.Json(writer => Write(writer, profile.Fields));
    }

    private static async ValueTask<MatrixResponse> GetFieldAsync(MatrixRequest request)
    {
        var field = request.Path("keyName");
        var (profile, error) = await FindAsync(request);
        if (profile is null)
            return error!;
        return profile.Find(field) is { } value
            ? new MatrixResponse.Json(writer => Write(writer, [new(field, value)]))
            : MatrixError.NotFound("This profile has no such field.");
    }

    private static async ValueTask<MatrixResponse> PutFieldAsync(MatrixRequest request)
    {
        var field = request.Path("keyName");
        if ((request.TryGetSelf(out var userId) ?? ProfileFields.FindProblem(field)) is { } problem)
            return problem;
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        if (!body.TryGetProperty(field, out var value))
            return MatrixError.MissingParam($"{field} is missing.");
        (var raw, error) = ReadValue(field, value);
        return error is null
            ? await request.SendAsync(new SetProfileField(request.CommandContext(), userId, field, raw))
            : error;
    }

    private static async ValueTask<MatrixResponse> DeleteFieldAsync(MatrixRequest request)
    {
        var field = request.Path("keyName");
        if ((request.TryGetSelf(out var userId) ?? ProfileFields.FindProblem(field)) is { } problem)
            return problem;
        return await request.SendAsync(new SetProfileField(request.CommandContext(), userId, field, Value: null));
    }

    /// <summary>The value to keep; null removes the field.</summary>
    /// <remarks>
    /// An empty or null name or avatar removes it, as older clients do that have no other way. SPEC?: the avatar should
    /// be an mxc URI; others
    /// are kept as they are, since clients check before they load it.
    /// </remarks>
    private static (RawJson? Value, MatrixError? Error) ReadValue(string field, JsonElement value)
    {
        if (field == ProfileFields.TimeZone && value.ValueKind != JsonValueKind.String)
            return (null, MatrixError.BadJson($"{field} must be a string."));
        if (field is not (ProfileFields.DisplayName or ProfileFields.AvatarUrl))
        {
            return value.ValueKind == JsonValueKind.Null
                ? (null, MatrixError.InvalidParam("A profile field cannot be null; delete it instead."))
                : (new RawJson(JsonMarshal.GetRawUtf8Value(value).ToArray()), null);
        }
        return value.ValueKind switch
        {
            JsonValueKind.Null => (null, null),
            JsonValueKind.String when value.ValueEquals(ReadOnlySpan<byte>.Empty) => (null, null),
            JsonValueKind.String => (new RawJson(JsonMarshal.GetRawUtf8Value(value).ToArray()), null),
            _ => (null, MatrixError.BadJson($"{field} must be a string.")),
        };
    }

    private static async ValueTask<(Profile? Profile, MatrixError? Error)> FindAsync(MatrixRequest request)
    {
        if (request.TryGetUser(out var userId) is { } error)
            return (null, error);
        if (userId.Server != request.Get<HomeserverConfig>().ServerName)
            return await RemoteProfiles.FindAsync(request, userId);
        // A user of a bridge may be made by the question.
        if (request.Http.RequestServices.GetService<AppserviceProvisioning>() is { } appservices
            && !request.IsFromAppservice())
            await appservices.EnsureUserAsync(userId, request.ClientGone);
        var queries = await request.ReadAsync<IProfileQueries>();
        return await queries.FindAsync(userId, request.ClientGone) is { } profile ? (profile, null) : (null, NoProfile);
    }

    private static void Write(Utf8JsonWriter writer, IReadOnlyList<KeyValuePair<string, ReadOnlyMemory<byte>>> fields)
    {
        writer.WriteStartObject();
        foreach (var (field, value) in fields)
        {
            writer.WritePropertyName(field);
            writer.WriteRawValue(value.Span, skipInputValidation: true);
        }
        writer.WriteEndObject();
    }
}
