using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Federation.RemoteRooms;

/// <summary>What a client is told when another server was asked on its behalf.</summary>
/// <remarks>Only errcodes that say something about the room or the user are passed on, with our status; all else is
/// 502: it is between the servers.</remarks>
public static class RemoteErrors
{
    public static MatrixError Of<T>(FederationResult<T> result)
        where T : class => result switch
    {
        FederationResult<T>.Refused { Error: { ErrCode: ErrCodes.Forbidden } error } =>
            MatrixError.Forbidden(Shortened(error.Message)),
        FederationResult<T>.Refused { Error: { ErrCode: ErrCodes.NotFound } error } =>
            MatrixError.NotFound(Shortened(error.Message)),
        FederationResult<T>.Refused { Error: { ErrCode: ErrCodes.InviteBlocked } error } =>
            new MatrixError(403, ErrCodes.InviteBlocked, Shortened(error.Message)),
        FederationResult<T>.Refused
        {
            Error:
            {
                ErrCode: ErrCodes.IncompatibleRoomVersion or ErrCodes.UnableToAuthoriseJoin
                    or ErrCodes.UnableToGrantJoin or ErrCodes.UnsupportedRoomVersion,
            } error
        } => new MatrixError(400, error.ErrCode, Shortened(error.Message)),
        FederationResult<T>.Refused { Error: var error } => new MatrixError(
            502, ErrCodes.Unknown, "The other server refused.", $"{error.Status} {error.ErrCode}"),
        FederationResult<T>.Malformed malformed => new MatrixError(
            502, ErrCodes.Unknown, "The other server's answer cannot be used.", malformed.Problem),
        FederationResult<T>.Failed failed => new MatrixError(
            502, ErrCodes.Unknown, "The other server cannot be reached.", failed.Answer.ToString()),
        _ => new MatrixError(502, ErrCodes.Unknown, "The other server gave no answer."),
    };

    /// <summary>Of two servers' answers the one that says more about the room or the user; the earlier of equals.
    /// </summary>
    public static MatrixError MoreTelling(MatrixError? earlier, MatrixError later) =>
        earlier is null || Weight(later) > Weight(earlier) ? later : earlier;

    /// <summary>A refusal of the user outweighs what only concerns that server: that it does not know the room, cannot
    /// tell, or is away.</summary>
    private static int Weight(MatrixError error) => error.ErrCode switch
    {
        ErrCodes.Forbidden or ErrCodes.InviteBlocked => 4,
        ErrCodes.IncompatibleRoomVersion or ErrCodes.UnsupportedRoomVersion => 3,
        ErrCodes.UnableToGrantJoin or ErrCodes.UnableToAuthoriseJoin => 2,
        ErrCodes.NotFound => 1,
        _ => 0,
    };

    public static MatrixError Unusable(ServerName server) =>
        new(502, ErrCodes.Unknown, "The other server's answer cannot be used.", server.Value);

    internal static string Shortened(string message) => message.Length switch
    {
        0 => "The other server refused.",
        > MessageMax => message[..MessageMax],
        _ => message,
    };

    /// <summary>LIMIT: characters of another server's sentence that are passed on. Ours.</summary>
    private const int MessageMax = 300;
}
