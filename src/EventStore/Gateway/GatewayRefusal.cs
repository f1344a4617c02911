using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Matrix.EventSourced.EventStore.Wire;

namespace Matrix.EventSourced.EventStore.Gateway;

/// <summary>A request that is not carried out, in the two forms in which the protocol says so: the end of a call, and
/// the answer to one append of a batch.</summary>
/// <remarks>Shape: the trailer <c>exception</c> names the kind for the clients; further trailers are its
/// members.</remarks>
internal sealed class GatewayRefusal : Exception
{
    private readonly StatusCode _code;
    private readonly IMessage? _detail;
    private readonly (string Name, string Value)[] _trailers;

    private GatewayRefusal(
        StatusCode code, string message, IMessage? detail, params (string Name, string Value)[] trailers)
        : base(message)
    {
        _code = code;
        _detail = detail;
        _trailers = trailers;
    }

    public static GatewayRefusal BadRequest(string message) =>
        new(StatusCode.InvalidArgument, message, new BadRequest { Message = message });

    /// <summary>A proposed message without what every message must say.</summary>
    public static GatewayRefusal MissingMetadata(string message) => new(
        StatusCode.InvalidArgument,
        message,
        new BadRequest { Message = message },
        ("exception", "missing-required-metadata-property"),
        ("required-metadata-properties", "type,content-type"));

    public static GatewayRefusal TooLarge() => new(
        StatusCode.InvalidArgument,
        $"An append holds at most {EventStoreLimits.AppendBytesMax} bytes.",
        new MaximumAppendSizeExceeded { MaxAppendSize = EventStoreLimits.AppendBytesMax },
        ("exception", "maximum-append-size-exceeded"),
        ("maximum-append-size", EventStoreLimits.AppendBytesMax.ToString(CultureInfo.InvariantCulture)));

    public static GatewayRefusal StreamDeleted(StreamName stream) => new(
        StatusCode.FailedPrecondition,
        $"The stream '{stream.Value}' is deleted for good.",
        new StreamDeleted { StreamIdentifier = WireNames.Write(stream) },
        ("exception", "stream-deleted"),
        ("stream-name", HeaderText(stream.Value)));

    /// <summary>The deadline of an append passed before its answer came; nobody knows what becomes of it.</summary>
    public static GatewayRefusal TimedOut() => new(
        StatusCode.DeadlineExceeded, "The append was not acknowledged before its deadline.", new Wire.Timeout());

    /// <summary>The log cannot go on, or does not know what became of a write.</summary>
    public static GatewayRefusal Unavailable(string message) => new(StatusCode.Unavailable, message, new Unknown());

    /// <summary>A deletion that met another revision; an append has an answer of its own for that.</summary>
    public static GatewayRefusal WrongExpectedVersion(StreamName stream, ExpectedRevision expected, long? actual)
    {
        (string, string)[] trailers =
        [
            ("exception", "wrong-expected-version"),
            ("stream-name", HeaderText(stream.Value)),
            ("expected-version", WireRevisions.Number(expected)),
        ];
        if (actual is { } revision)
            trailers = [.. trailers, ("actual-version", revision.ToString(CultureInfo.InvariantCulture))];
        var message = $"The stream '{stream.Value}' is not at the expected revision {expected}.";
        return new GatewayRefusal(StatusCode.FailedPrecondition, message, null, trailers);
    }

    /// <summary>The end of the call.</summary>
    public RpcException ToCall()
    {
        var trailers = new Metadata();
        foreach (var (name, value) in _trailers)
            trailers.Add(name, value);
        return new RpcException(new Grpc.Core.Status(_code, Message), trailers);
    }

    /// <summary>The answer to one append of a batch.</summary>
    public Wire.Status ToStatus() =>
        new() { Code = (Code)(int)_code, Message = Message, Details = _detail is null ? null : Any.Pack(_detail) };

    /// <summary>What a trailer can carry: others than printable ASCII are escaped as in a URL.</summary>
    private static string HeaderText(string text) =>
        text.All(c => c is >= ' ' and <= '~') ? text : Uri.EscapeDataString(text);
}
