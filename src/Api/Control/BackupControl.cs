using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Control;

/// <summary>The backup command on a running server.</summary>
internal static class BackupControl
{
    public static readonly EndpointSpec Spec =
        new("POST", "/control/backup", AuthKind.None, RateClass.None, "none#backup");

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        if (ControlRequest.Read(body) is not { Words: [var folder] } || !Path.IsPathRooted(folder))
            return ControlRequest.Malformed;
        try
        {
            var lines = request.Get<Backup>().RunAsync(folder, request.ServerStopping);
            await ControlLines.WriteAsync(request.Http, lines, request.ServerStopping);
            return new MatrixResponse.Written();
        }
        catch (Exception problem) when (
            !request.Http.Response.HasStarted
            && problem is BackupException or IOException or UnauthorizedAccessException)
        {
            return new MatrixError(400, ErrCodes.InvalidParam, problem.Message);
        }
    }
}
