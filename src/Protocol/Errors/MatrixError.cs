namespace Matrix.EventSourced.Protocol.Errors;

/// <summary>A refusal in the spec's own terms: the HTTP status, the errcode, and a sentence for people.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #standard-error-response.
/// Shape: <paramref name="ErrCode"/> is one of <see cref="ErrCodes"/>; <paramref name="Detail"/> goes to the log only
/// and names the rule or value.
/// A value, never an exception: bad input is an answer.
/// </remarks>
public sealed record MatrixError(int Status, string ErrCode, string Message, string? Detail = null)
{
    /// <summary>Milliseconds after which to try again, for M_LIMIT_EXCEEDED.</summary>
    public long? RetryAfterMs { get; init; }

    /// <summary>Extra top-level members of the response, as raw JSON values (room_version, soft_logout).</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Extra { get; init; } = [];

    public static MatrixError Forbidden(string message, string? detail = null) =>
        new(403, ErrCodes.Forbidden, message, detail);
    public static MatrixError NotFound(string message) => new(404, ErrCodes.NotFound, message);
    public static MatrixError BadJson(string message) => new(400, ErrCodes.BadJson, message);
    public static MatrixError NotJson(string message) => new(400, ErrCodes.NotJson, message);
    public static MatrixError InvalidParam(string message) => new(400, ErrCodes.InvalidParam, message);
    public static MatrixError MissingParam(string message) => new(400, ErrCodes.MissingParam, message);
    public static MatrixError TooLarge(string message) => new(413, ErrCodes.TooLarge, message);
}
