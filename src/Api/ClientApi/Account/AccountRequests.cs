using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>What the endpoints of this module have in common.</summary>
internal static class AccountRequests
{
    /// <summary>Sends a command, and waits until the read side shows what it wrote.</summary>
    /// <remarks>
    /// The token of the next request is looked up without a gate, so a login that was not waited for would be unknown.
    /// </remarks>
    public static async ValueTask<MatrixResponse> SendAsync<T>(
        this MatrixRequest request, ICommand<T> command, Func<T, MatrixResponse> answer)
    {
        var result = await request.Get<IMediator>().Send(command, CancellationToken.None);
        if (result is not CommandResult<T>.Done done)
            return ((CommandResult<T>.Refused)result).Error;
        if (done.Position > LogPosition.Start)
        {
            await request.Get<IProjectionGate>().WaitForAsync(
                UserApiProjection.Gate, done.Position, CancellationToken.None);
        }
        return answer(done.Value);
    }

    public static ValueTask<MatrixResponse> SendAsync(this MatrixRequest request, ICommand<Unit> command) =>
        request.SendAsync(command, static _ => MatrixResponse.Empty);

    /// <summary>Lets a read see every write that finished before it.</summary>
    public static async ValueTask<T> ReadAsync<T>(this MatrixRequest request)
        where T : notnull
    {
        await request.Get<IProjectionGate>().WaitForHeadAsync(UserApiProjection.Gate, request.ClientGone);
        return request.Get<T>();
    }

    /// <summary>When each of a user's devices was used last, by device id.</summary>
    public static ValueTask<IReadOnlyDictionary<string, DeviceSighting>> FindSightingsAsync(
        this MatrixRequest request, UserId user, IReadOnlyList<Device> devices) =>
        request.Get<DeviceSightingTable>().FindAsync(user, devices, request.ClientGone);

    /// <summary>Logging in is the first use of a device.</summary>
    public static void NoteUse(this MatrixRequest request, UserId user, string? deviceId)
    {
        if (deviceId is not null)
            request.Get<DeviceActivity>().Note(request.Http, user, deviceId, request.ReceivedAtMs);
    }

    /// <summary>The user of the path; M_INVALID_PARAM when it is none.</summary>
    public static MatrixError? TryGetUser(this MatrixRequest request, out UserId userId) =>
        UserId.TryParse(request.Path("userId"), out userId)
            ? null
            : MatrixError.InvalidParam("The path holds no user id.");

    /// <summary>The user of the path, who must be the requester.</summary>
    public static MatrixError? TryGetSelf(this MatrixRequest request, out UserId userId)
    {
        if (request.TryGetUser(out userId) is { } error)
            return error;
        return userId == request.Requester.UserId ? null : MatrixError.Forbidden("This belongs to another user.");
    }

    /// <summary>An answer as bytes, for one that may have to be given again.</summary>
    public static MatrixResponse.RawJson ToBytes(Action<Utf8JsonWriter> write)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
            write(writer);
        return new MatrixResponse.RawJson(buffer.WrittenMemory);
    }
}
