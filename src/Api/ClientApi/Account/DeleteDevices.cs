using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>
/// Deletes devices of the requester, one by its path or several by a list; the password is asked for.
/// </summary>
internal static class DeleteDevices
{
    public static readonly EndpointSpec OneSpec = new(
        "DELETE",
        "/_matrix/client/v3/devices/{deviceId}",
        AuthKind.AccessToken,
        RateClass.Login,
        "client-server-api#delete_matrixclientv3devicesdeviceid")
    {
        BodyBytesMax = Limits.InteractiveBodyBytesMax,
    };

    public static readonly EndpointSpec ManySpec = new(
        "POST",
        "/_matrix/client/v3/delete_devices",
        AuthKind.AccessToken,
        RateClass.Login,
        "client-server-api#post_matrixclientv3delete_devices")
    {
        BodyBytesMax = Limits.InteractiveBodyBytesMax,
    };

    public static void Map(EndpointTable table)
    {
        table.Add(OneSpec, DeleteOneAsync);
        table.Add(ManySpec, DeleteManyAsync);
    }

    private static async ValueTask<MatrixResponse> DeleteOneAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync(emptyAllowed: true);
        if (error is not null)
            return error;
        var deviceId = request.Path("deviceId");
        // Spec: v1.19 application-service-api #deleting-devices.
        if (request.Requester.AppserviceId is not null)
            return await EndAsync(request, [deviceId]);
        return await request.WithPasswordAsync(body, $"{OneSpec.Path} {deviceId}", _ => EndAsync(request, [deviceId]));
    }

    private static async ValueTask<MatrixResponse> DeleteManyAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        return request.Requester.AppserviceId is not null
            ? await EndAsync(request, body)
            : await request.WithPasswordAsync(body, ManySpec.Path, parameters => EndAsync(request, parameters));
    }

    private static async ValueTask<MatrixResponse> EndAsync(MatrixRequest request, JsonElement parameters)
    {
        var (deviceIds, problem) = ReadDevices(parameters);
        return problem is null ? await EndAsync(request, deviceIds) : problem;
    }

    private static (IReadOnlyList<string> DeviceIds, MatrixError? Error) ReadDevices(JsonElement parameters)
    {
        var fields = new BodyFields(parameters);
        return (fields.RequiredStrings("devices"), fields.Error);
    }

    private static async ValueTask<MatrixResponse> EndAsync(MatrixRequest request, IReadOnlyList<string> deviceIds)
    {
        var requester = request.Requester;
        var answer = await request.SendAsync(new EndSessions(request.CommandContext(), requester.UserId, deviceIds));
        if (deviceIds.Contains(requester.DeviceId))
            request.Get<ITokenQueries>().Forget(requester.TokenSha256);
        return answer;
    }
}
