using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.KeyServer.KeyBackup;
using Matrix.EventSourced.Protocol.Errors;
using MediatR;

namespace Matrix.EventSourced.Api.ClientApi.KeyBackup;

/// <summary>What the endpoints of key backups have in common.</summary>
internal static class BackupRequests
{
    /// <summary>Sends a command, and waits until the read side shows what it wrote.</summary>
    public static async ValueTask<MatrixResponse> SendBackupAsync<T>(
        this MatrixRequest request, ICommand<T> command, Func<T, MatrixResponse> answer)
    {
        var result = await request.Get<IMediator>().Send(command, CancellationToken.None);
        if (result is not CommandResult<T>.Done done)
            return ((CommandResult<T>.Refused)result).Error;
        if (done.Position > LogPosition.Start)
        {
            await request.Get<IProjectionGate>().WaitForAsync(
                KeyBackupProjection.Gate, done.Position, CancellationToken.None);
        }
        return answer(done.Value);
    }

    public static async ValueTask<KeyBackupQueries> ReadBackupsAsync(this MatrixRequest request)
    {
        await request.Get<IProjectionGate>().WaitForHeadAsync(KeyBackupProjection.Gate, request.ClientGone);
        return request.Get<KeyBackupQueries>();
    }

    /// <summary>The version that a client names; 0, which no backup has, for text that was never given out.</summary>
    public static long VersionOf(string text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var version)
        && version.ToString(CultureInfo.InvariantCulture) == text
            ? version
            : 0;

    /// <summary>The version in the query.</summary>
    /// <remarks>Errors: M_MISSING_PARAM.</remarks>
    public static MatrixError? TryGetVersion(this MatrixRequest request, out long version)
    {
        version = 0;
        if (request.Query("version") is not { } text)
            return MatrixError.MissingParam("version is missing.");
        version = VersionOf(text);
        return null;
    }

    /// <summary>A member that is the clients' business: any object. It is never looked into.</summary>
    public static (RawJson Value, MatrixError? Error) ReadOpaque(JsonElement body, string name)
    {
        if (!body.TryGetProperty(name, out var value))
            return (default, MatrixError.MissingParam($"{name} is missing."));
        return value.ValueKind == JsonValueKind.Object
            ? (new RawJson(JsonMarshal.GetRawUtf8Value(value).ToArray()), null)
            : (default, MatrixError.BadJson($"{name} must be an object."));
    }
}
