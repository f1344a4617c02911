using Grpc.AspNetCore.Server;
using Grpc.Core;

namespace Matrix.EventSourced.EventStore.Gateway;

/// <summary>Writes messages to one client, many to a flush.</summary>
/// <remarks>Ensures: holds a bounded number of bytes; a client that does not read makes its own call wait, and nobody
/// else.</remarks>
internal sealed class ResponseWriter<T>
    where T : class, Google.Protobuf.IMessage
{
    /// <summary>LIMIT: bytes written between two flushes. Ours: several frames, and little memory for each
    /// call.</summary>
    private const int BytesPerFlush = 64 * 1024;

    private readonly IServerStreamWriter<T> _stream;
    private readonly System.IO.Pipelines.PipeWriter _body;
    private readonly CancellationToken _cancellationToken;
    private int _bytes;

    public ResponseWriter(IServerStreamWriter<T> stream, ServerCallContext context, CancellationToken cancellationToken)
    {
        _stream = stream;
        _stream.WriteOptions = new WriteOptions(WriteFlags.BufferHint);
        _body = context.GetHttpContext().Response.BodyWriter;
        _cancellationToken = cancellationToken;
    }

    public async ValueTask WriteAsync(T message)
    {
        await _stream.WriteAsync(message, _cancellationToken);
        _bytes += message.CalculateSize();
        if (_bytes >= BytesPerFlush)
            await FlushAsync();
    }

    /// <summary>Sends what was written; waits while the client takes nothing.</summary>
    public async ValueTask FlushAsync()
    {
        if (_bytes == 0)
            return;
        _bytes = 0;
        await _body.FlushAsync(_cancellationToken);
    }
}
