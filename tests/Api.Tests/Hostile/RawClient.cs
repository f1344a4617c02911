using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Hostile;

/// <summary>What goes over the wire, byte for byte: other clients mend targets, headers and bodies first.</summary>
internal sealed record RawRequest(string Method, string Target, string? Authorization, byte[]? Body)
{
    public override string ToString()
    {
        var body = Body is null ? "no body" : Encoding.Latin1.GetString(Body);
        var shown = body.Length <= 300 ? body : $"{body[..300]}… ({Body!.Length} bytes)";
        var target = Target.Length <= 300 ? Target : $"{Target[..300]}… ({Target.Length} characters)";
        return $"{Method} {target} [{Authorization ?? "no token"}] {shown}";
    }
}

/// <summary>One connection of HTTP/1.1 that is opened again when the server closes it.</summary>
internal sealed class RawClient(Uri address) : IAsyncDisposable
{
    private readonly byte[] _buffer = new byte[64 * 1024];
    private TcpClient? _connection;
    private int _start;
    private int _end;

    public async Task<Reply> SendAsync(RawRequest request)
    {
        var isFresh = _connection is null;
        try
        {
            return await TryAsync(request);
        }
        catch (IOException) when (!isFresh)
        {
            // The server may close an idle connection, or one whose body it did not want to read.
            Close();
            return await TryAsync(request);
        }
    }

    public ValueTask DisposeAsync()
    {
        Close();
        return ValueTask.CompletedTask;
    }

    private async Task<Reply> TryAsync(RawRequest request)
    {
        if (_connection is null)
        {
            _connection = new TcpClient { NoDelay = true };
            await _connection.ConnectAsync(address.Host, address.Port);
        }
        var stream = _connection.GetStream();
        var head = new StringBuilder()
            .Append(CultureInfo.InvariantCulture, $"{request.Method} {request.Target} HTTP/1.1\r\nHost: {address.Authority}\r\n");
        if (request.Authorization is not null)
            head.Append(CultureInfo.InvariantCulture, $"Authorization: {request.Authorization}\r\n");
        if (request.Body is not null)
            head.Append(CultureInfo.InvariantCulture, $"Content-Length: {request.Body.Length}\r\n");
        head.Append("\r\n");
        byte[] bytes = [.. Encoding.Latin1.GetBytes(head.ToString()), .. request.Body ?? []];
        // An answer may come before a large body is through: it is read at the same time, and counts.
        var writing = WriteAsync(stream, bytes);
        var reply = await ReadReplyAsync(stream, hasBody: request.Method != "HEAD");
        if (!await writing)
            Close();
        return reply;
    }

    private static async Task<bool> WriteAsync(NetworkStream stream, byte[] bytes)
    {
        try
        {
            await stream.WriteAsync(bytes);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private async Task<Reply> ReadReplyAsync(NetworkStream stream, bool hasBody)
    {
        var status = int.Parse((await ReadLineAsync(stream)).AsSpan(9, 3), CultureInfo.InvariantCulture);
        int? length = null;
        var isLast = false;
        var isChunked = false;
        for (var line = await ReadLineAsync(stream); line.Length > 0; line = await ReadLineAsync(stream))
        {
            if (line.StartsWith("Content-Length: ", StringComparison.OrdinalIgnoreCase))
                length = int.Parse(line.AsSpan(16), CultureInfo.InvariantCulture);
            isChunked |= line.Equals("Transfer-Encoding: chunked", StringComparison.OrdinalIgnoreCase);
            isLast |= line.Equals("Connection: close", StringComparison.OrdinalIgnoreCase);
        }
        var isEmpty = !hasBody || status is 204 or 304;
        var body = isEmpty ? [] : isChunked ? await ReadChunksAsync(stream) : await ReadBytesAsync(stream, length ?? 0);
        if (isLast)
            Close();
        return new Reply(status, body);
    }

    private async Task<byte[]> ReadChunksAsync(NetworkStream stream)
    {
        var body = new List<byte>();
        while (true)
        {
            var length = int.Parse(await ReadLineAsync(stream), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            body.AddRange(await ReadBytesAsync(stream, length));
            await ReadLineAsync(stream);
            if (length == 0)
                return [.. body];
        }
    }

    private async Task<byte[]> ReadBytesAsync(NetworkStream stream, int length)
    {
        var bytes = new byte[length];
        for (var i = 0; i < length; i++)
            bytes[i] = await ReadByteAsync(stream);
        return bytes;
    }

    private async Task<string> ReadLineAsync(NetworkStream stream)
    {
        var line = new StringBuilder();
        for (var next = await ReadByteAsync(stream); next != '\n'; next = await ReadByteAsync(stream))
        {
            if (next != '\r')
                line.Append((char)next);
        }
        return line.ToString();
    }

    private async ValueTask<byte> ReadByteAsync(NetworkStream stream)
    {
        if (_start == _end)
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            (_start, _end) = (0, await stream.ReadAsync(_buffer, patience.Token));
            if (_end == 0)
                throw new IOException("The server closed the connection.");
        }
        return _buffer[_start++];
    }

    private void Close()
    {
        _connection?.Dispose();
        _connection = null;
        (_start, _end) = (0, 0);
    }
}
