using System.Globalization;
using Grpc.Core;

namespace Matrix.EventSourced.EventStore.EventStoreDb;

/// <summary>What a failed call means: the one place where the node's errors become the port's.</summary>
internal static class CallErrors
{
    /// <summary>Whether the same call may succeed on another connection, or on the same one later.</summary>
    public static bool IsTransient(RpcException problem) =>
        problem.StatusCode is StatusCode.Unavailable or StatusCode.Internal or StatusCode.Aborted
            or StatusCode.Cancelled or StatusCode.DeadlineExceeded or StatusCode.ResourceExhausted
        || Named(problem) == "not-leader";

    public static bool IsTombstoned(RpcException problem) => Named(problem) == "stream-deleted";

    public static bool IsWrongExpectedVersion(RpcException problem) => Named(problem) == "wrong-expected-version";

    public static bool IsAppendTooLarge(RpcException problem) => Named(problem) == "maximum-append-size-exceeded";

    /// <summary>What a node says of a place in the log at which no record begins.</summary>
    public static bool MayMeanBadPosition(RpcException problem) =>
        Named(problem) is null
        && problem.StatusCode is StatusCode.Unknown or StatusCode.InvalidArgument or StatusCode.OutOfRange;

    /// <summary>Where the leader is, when the node says that it is none.</summary>
    public static NodeAddress? LeaderOf(RpcException problem) =>
        Named(problem) == "not-leader"
        && problem.Trailers.GetValue("leader-endpoint-host") is { Length: > 0 } host
        && int.TryParse(
            problem.Trailers.GetValue("leader-endpoint-port"),
            NumberStyles.None,
            CultureInfo.InvariantCulture,
            out var port)
            ? new NodeAddress(host, port)
            : null;

    public static EventStoreException Translate(RpcException problem) => new(Describe(problem), problem);

    /// <summary>A sentence for a person.</summary>
    public static string Describe(RpcException problem) => problem.StatusCode switch
    {
        StatusCode.Unauthenticated => "The node refuses the user or the password.",
        StatusCode.PermissionDenied =>
            "The node denies access; the connection string needs a user that may read and write.",
        _ => $"The node answered {problem.StatusCode}: {Reason(problem)}",
    };

    private static string Reason(RpcException problem)
    {
        // What a socket or TLS said is worth more than gRPC's summary of it.
        var inner = problem.Status.DebugException;
        while (inner?.InnerException is { } deeper)
            inner = deeper;
        return inner?.Message ?? problem.Status.Detail;
    }

    private static string? Named(RpcException problem) => problem.Trailers.GetValue("exception");
}
