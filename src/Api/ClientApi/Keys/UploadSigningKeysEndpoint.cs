using System.Text.Json;
using Matrix.EventSourced.Api.ClientApi.Account;
using Matrix.EventSourced.Api.ClientApi.OAuth;
using Matrix.EventSourced.Api.ClientApi.Rooms;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.KeyServer;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;

namespace Matrix.EventSourced.Api.ClientApi.Keys;

/// <summary>A user publishes cross-signing keys; the password is asked for before others replace them.</summary>
internal static class UploadSigningKeysEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "POST",
        "/_matrix/client/v3/keys/device_signing/upload",
        AuthKind.AccessToken,
        RateClass.Message,
        "client-server-api#post_matrixclientv3keysdevice_signingupload")
    {
        BodyBytesMax = Limits.InteractiveBodyBytesMax,
        Aliases = ["/_matrix/client/unstable/keys/device_signing/upload"],
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        // A request that goes on with a session may leave the keys to what was bound to it.
        var isBare = !body.EnumerateObject().Any(member => !member.NameEquals("auth"u8));
        if (!isBare)
        {
            if (Read(body, request.Requester.UserId, out var upload) is { } wrong)
                return wrong;
            // Spec: v1.19 application-service-api #cross-signing. Clients of the OAuth API from before the spec had
            // m.oauth
            // repeat the bare request once their user has allowed it on the account page.
            var result = await SendAsync(
                request,
                upload,
                isAuthenticated: request.Requester.AppserviceId is not null || IsAllowedOnPage(request));
            if (result is not CommandResult<SigningKeysOutcome>.Done
                {
                    Value: SigningKeysOutcome.NeedsAuthentication,
                })
                return Done(request, result);
        }
        return request.Requester.ClientId is null
            ? await request.WithPasswordAsync(body, Spec.Path, parameters => ReplaceAsync(request, parameters))
            : await request.WithOAuthAsync(body, Spec.Path, parameters => ReplaceAsync(request, parameters));
    }

    private static async ValueTask<MatrixResponse> ReplaceAsync(MatrixRequest request, JsonElement parameters) =>
        Read(parameters, request.Requester.UserId, out var upload) is { } wrong
            ? wrong
            : Done(request, await SendAsync(request, upload, isAuthenticated: true));

    private static bool IsAllowedOnPage(MatrixRequest request) =>
        request.Requester.ClientId is not null
        && request.Get<CrossSigningResets>().IsAllowed(request.Requester.UserId);

    private static MatrixResponse Done(MatrixRequest request, CommandResult<SigningKeysOutcome> result)
    {
        if (result is CommandResult<SigningKeysOutcome>.Done && IsAllowedOnPage(request))
            request.Get<CrossSigningResets>().Use(request.Requester.UserId);
        return result.ToResponse(static _ => MatrixResponse.Empty);
    }

    private static Task<CommandResult<SigningKeysOutcome>> SendAsync(
        MatrixRequest request, CrossSigningUpload upload, bool isAuthenticated) => request.SendAsync(
            new UploadSigningKeys(
                request.CommandContext(), request.Requester.UserId, upload, isAuthenticated));

    private static MatrixError? Read(JsonElement body, UserId user, out CrossSigningUpload upload)
    {
        upload = new(null, null, null);
        if (CanonicalJson.FindViolation(body) is { } violation)
            return MatrixError.BadJson($"Keys must have a canonical form: {violation}");
        MatrixError? error = null;
        upload = new(
            ReadKey("master_key"u8, "master"u8),
            ReadKey("self_signing_key"u8, "self_signing"u8),
            ReadKey("user_signing_key"u8, "user_signing"u8));
        return error;

        RawJson? ReadKey(ReadOnlySpan<byte> name, ReadOnlySpan<byte> usage)
        {
            if (!body.TryGetProperty(name, out var key) || key.ValueKind == JsonValueKind.Null)
                return null;
            error ??= KeyShapes.FindProblem(key, user, usage);
            return error is null ? KeyJson.Keep(key) : null;
        }
    }
}
