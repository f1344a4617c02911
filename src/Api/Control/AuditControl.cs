using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Projections.Audit;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Control;

/// <summary>The audit command on a running server: JSON lines, as they are found.</summary>
internal static class AuditControl
{
    public static readonly EndpointSpec Spec =
        new("POST", "/control/audit", AuthKind.None, RateClass.None, "none#audit");

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        if (ControlRequest.Read(body) is not { } asked)
            return ControlRequest.Malformed;
        if (AuditQuestion.Parse(asked.Words, out var problem) is not { } question)
            return new MatrixError(400, ErrCodes.InvalidParam, problem);

        var answer = await request.Get<Auditor>().AskAsync(
            question, asked.Words, asked.By, request.ClientGone);
        await ControlLines.WriteAsync(request.Http, answer, request.ClientGone);
        return new MatrixResponse.Written();
    }
}
