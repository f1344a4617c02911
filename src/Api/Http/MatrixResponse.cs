using System.Text.Json;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Http;

/// <summary>What a handler answers; the pipeline adds CORS and content type and writes it.</summary>
public abstract record MatrixResponse
{
    private MatrixResponse() { }

    /// <summary>A JSON value written straight into the response.</summary>
    public sealed record Json(Action<Utf8JsonWriter> Write, int Status = 200) : MatrixResponse;

    /// <summary>A JSON value that is too large to be made as a whole: it goes out part by part.</summary>
    /// <remarks>Requires: whatever can be refused was asked for before; once the first part is out, a failure can only
    /// end the connection.</remarks>
    public sealed record JsonParts(Func<JsonPartWriter, ValueTask> WriteAsync) : MatrixResponse;

    /// <summary>A JSON value that is there already, as UTF-8 bytes.</summary>
    public sealed record RawJson(ReadOnlyMemory<byte> Utf8, int Status = 200) : MatrixResponse;

    /// <summary>The spec's error object.</summary>
    public sealed record Error(MatrixError Value) : MatrixResponse;

    /// <summary>The handler has written the response itself.</summary>
    public sealed record Written : MatrixResponse;

    /// <summary><c>{}</c>.</summary>
    public static readonly MatrixResponse Empty = new RawJson("{}"u8.ToArray());

    public static implicit operator MatrixResponse(MatrixError error) => new Error(error);
}
