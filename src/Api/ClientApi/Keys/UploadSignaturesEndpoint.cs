using System.Text.Json;
using Matrix.EventSourced.Api.ClientApi.Rooms;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.KeyServer;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;

namespace Matrix.EventSourced.Api.ClientApi.Keys;

/// <summary>A user publishes signatures on keys.</summary>
internal static class UploadSignaturesEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "POST",
        "/_matrix/client/v3/keys/signatures/upload",
        AuthKind.AccessToken,
        RateClass.Message,
        "client-server-api#post_matrixclientv3keyssignaturesupload")
    {
        Aliases = ["/_matrix/client/unstable/keys/signatures/upload"],
    };

    /// <summary>LIMIT: keys of one request. Ours: a user's devices, and more users than anybody verifies at
    /// once.</summary>
    private const int KeysMax = 1_000;

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        if (CanonicalJson.FindViolation(body) is { } violation)
            return MatrixError.BadJson($"Keys must have a canonical form: {violation}");
        var keys = new List<SignedKey>();
        foreach (var user in body.EnumerateObject())
        {
            if (!UserId.TryParse(user.Name, out var userId))
                return MatrixError.InvalidParam("The body holds what is no user id.");
            if (user.Value.ValueKind != JsonValueKind.Object)
                return MatrixError.BadJson("The body must hold keys for each user.");
            foreach (var key in user.Value.EnumerateObject())
            {
                if (key.Value.ValueKind != JsonValueKind.Object)
                    return MatrixError.BadJson("A signed key must be an object.");
                keys.Add(new(userId, key.Name, key.Value));
            }
        }
        if (keys.Count > KeysMax)
            return MatrixError.InvalidParam($"At most {KeysMax} keys can be signed at once.");
        var result = await request.SendAsync(
            new UploadSignatures(request.CommandContext(), request.Requester.UserId, keys));
        return result.ToResponse(static failures => new MatrixResponse.Json(json => Write(json, failures)));
    }

    private static void Write(Utf8JsonWriter json, IReadOnlyList<SignatureFailure> failures)
    {
        json.WriteStartObject();
        json.WriteStartObject("failures"u8);
        foreach (var user in failures.GroupBy(failure => failure.UserId))
        {
            json.WriteStartObject(user.Key.Value);
            foreach (var (_, keyId, error) in user)
            {
                json.WriteStartObject(keyId);
                json.WriteString("errcode"u8, error.ErrCode);
                json.WriteString("error"u8, error.Message);
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
