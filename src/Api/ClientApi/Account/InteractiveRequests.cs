using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi.InteractiveAuth;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>Runs a request through user-interactive authentication.</summary>
/// <remarks>Spec: v1.19 client-server-api #user-interactive-api-in-the-rest-api.</remarks>
internal static class InteractiveRequests
{
    /// <summary>Authenticates by the requester's password; then runs the request with its bound parameters.</summary>
    public static ValueTask<MatrixResponse> WithPasswordAsync(
        this MatrixRequest request,
        JsonElement body,
        string operation,
        Func<JsonElement, ValueTask<MatrixResponse>> run)
    {
        var user = request.Requester.UserId;
        var stages = request.Get<InteractiveStages>();
        return request.AuthenticateAsync(
            body,
            $"{operation} {user.Value}",
            InteractiveFlows.Of(InteractiveFlows.Password),
            (stage, auth) => stages.CheckPasswordAsync(stage, auth, user),
            run);
    }

    public static async ValueTask<MatrixResponse> AuthenticateAsync(
        this MatrixRequest request,
        JsonElement body,
        string operation,
        InteractiveFlows flows,
        StageCheck check,
        Func<JsonElement, ValueTask<MatrixResponse>> run)
    {
        var sessions = request.Get<InteractiveSessions>();
        switch (await sessions.AuthenticateAsync(operation, flows, body, check))
        {
            case InteractiveOutcome.Authenticated authenticated:
                var answer = await run(authenticated.Parameters);
                if (answer is MatrixResponse.RawJson raw)
                    sessions.Remember(authenticated.SessionId, raw.Utf8);
                return answer;
            case InteractiveOutcome.AnsweredBefore before:
                return new MatrixResponse.RawJson(before.Answer);
            case InteractiveOutcome.Challenge challenge:
                return new MatrixResponse.Json(writer => Write(writer, challenge), 401);
            case InteractiveOutcome.Refused refused:
                return refused.Error;
            default:
                throw new InvalidOperationException("Unknown outcome of an authentication.");
        }
    }

    private static void Write(Utf8JsonWriter writer, InteractiveOutcome.Challenge challenge)
    {
        writer.WriteStartObject();
        if (challenge.Error is { } error)
        {
            writer.WriteString("errcode"u8, error.ErrCode);
            writer.WriteString("error"u8, error.Message);
        }
        if (!challenge.Completed.IsEmpty)
            WriteStages(writer, "completed", challenge.Completed);
        writer.WriteStartArray("flows"u8);
        foreach (var flow in challenge.Flows.Flows)
        {
            writer.WriteStartObject();
            WriteStages(writer, "stages", flow);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteStartObject("params"u8);
        writer.WriteEndObject();
        writer.WriteString("session"u8, challenge.SessionId);
        writer.WriteEndObject();
    }

    private static void WriteStages(Utf8JsonWriter writer, string name, IEnumerable<string> stages)
    {
        writer.WriteStartArray(name);
        foreach (var stage in stages)
            writer.WriteStringValue(stage);
        writer.WriteEndArray();
    }
}
