using Matrix.EventSourced.Commands.Roomserver.Policy;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Pdus;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Federation.RemoteRooms;

/// <inheritdoc />
/// <remarks>
/// Spec: v1.19 server-server-api #post_matrixpolicyv1sign, #validating-policy-server-signatures: its error is the
/// client's, word for word.
/// NOTSPEC: only with an errcode that the endpoint has. Any other is M_FORBIDDEN with the same sentence: a room's
/// policy server must not log our users out (M_UNKNOWN_TOKEN), nor deny that we have the endpoint
/// (M_UNRECOGNIZED).
/// </remarks>
public sealed partial class PolicyServers(FederationClient client, ILogger<PolicyServers> logger) : IPolicyServers
{
    private const int TooManyRequests = 429;

    public async ValueTask<PolicyAnswer> AskAsync(PolicyServer server, Pdu pdu)
    {
        var answer = await client.AskPolicyServerAsync(server.Server, pdu.Json, CancellationToken.None);
        switch (answer)
        {
            case FederationResult<RemoteObject>.Ok { Value.Json: var signatures }
                when server.FindSignature(signatures) is { } signature:
                return new PolicyAnswer.Signed(signature);
            case FederationResult<RemoteObject>.Refused { Error: { Status: >= 400 and < 500 } error }:
                LogRefused(server.Server.Value, pdu.EventId.Value, pdu.RoomId.Value, error.Status, error.ErrCode);
                return new PolicyAnswer.Refused(ErrorOf(error));
            default:
                var problem = ProblemOf(answer);
                LogUseless(server.Server.Value, pdu.EventId.Value, pdu.RoomId.Value, problem);
                return new PolicyAnswer.Unreachable(new MatrixError(
                    502,
                    ErrCodes.Unknown,
                    $"The room's policy server {server.Server} gave no answer, so nothing was sent.",
                    problem));
        }
    }

    private static MatrixError ErrorOf(RemoteError error)
    {
        var message = RemoteErrors.Shortened(error.Message);
        return error.ErrCode switch
        {
            ErrCodes.LimitExceeded => new MatrixError(TooManyRequests, ErrCodes.LimitExceeded, message)
            {
                RetryAfterMs = (long?)error.RetryAfter?.TotalMilliseconds,
            },
            ErrCodes.Forbidden => new MatrixError(error.Status == 403 ? 403 : 400, ErrCodes.Forbidden, message),
            ErrCodes.BadJson => MatrixError.BadJson(message),
            ErrCodes.NotJson => MatrixError.NotJson(message),
            ErrCodes.NotFound => MatrixError.NotFound(message),
            _ => MatrixError.Forbidden(message, $"{error.Status} {error.ErrCode}"),
        };
    }

    private static string ProblemOf(FederationResult<RemoteObject> answer) => answer switch
    {
        FederationResult<RemoteObject>.Failed failed => failed.Answer.ToString(),
        FederationResult<RemoteObject>.Malformed malformed => malformed.Problem,
        FederationResult<RemoteObject>.Refused { Error.Status: var status } => $"status {status}",
        _ => "no signature",
    };

    [LoggerMessage(
        LogLevel.Information,
        "The policy server {server} does not recommend {event_id} in the room {room_id}: {status} {errcode}.")]
    private partial void LogRefused(string server, string event_id, string room_id, int status, string errcode);

    [LoggerMessage(
        LogLevel.Warning, "The policy server {server} was asked about {event_id} in the room {room_id}: {answer}.")]
    private partial void LogUseless(string server, string event_id, string room_id, string answer);
}
