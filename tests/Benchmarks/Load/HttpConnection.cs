using System.Buffers.Text;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Matrix.EventSourced.Benchmarks.Load;

/// <summary>An answer. The body is valid until the next request on the same connection.</summary>
internal readonly record struct HttpAnswer(int Status, ReadOnlyMemory<byte> Body)
{
    public bool IsSuccess => Status is >= 200 and < 300;
}

/// <summary>One kept-alive HTTP/1.1 connection, one request at a time.</summary>
/// <remarks>
/// Written by hand because the driver runs on the cores that it measures: a request costs one send, one or two receives
/// and no allocation to speak of.
/// </remarks>
internal sealed class HttpConnection(IPEndPoint address, string host) : IDisposable
{
    private Socket? _socket;
    private byte[] _out = new byte[4096];
    private byte[] _in = new byte[64 * 1024];
    private byte[] _body = [];
    private int _received;

    /// <summary>Sends a request and reads its answer. A connection that the server had closed meanwhile is opened
    /// again, once.</summary>
    public async ValueTask<HttpAnswer> SendAsync(
        string method, string target, string? token, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        var length = WriteRequest(method, target, token, body.Span);
        var isReused = _socket is not null;
        try
        {
            return await ExchangeAsync(length, cancellationToken);
        }
        catch (Exception problem)
            when (isReused && _received == 0 && problem is SocketException or EndOfStreamException)
        {
            Close();
            return await ExchangeAsync(length, cancellationToken);
        }
        catch
        {
            Close();
            throw;
        }
    }

    public void Dispose() => Close();

    private void Close()
    {
        _socket?.Dispose();
        _socket = null;
    }

    private async ValueTask<HttpAnswer> ExchangeAsync(int length, CancellationToken cancellationToken)
    {
        _received = 0;
        if (_socket is null)
        {
            _socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await _socket.ConnectAsync(address, cancellationToken);
        }
        for (var sent = 0; sent < length;)
            sent += await _socket.SendAsync(_out.AsMemory(sent, length - sent), SocketFlags.None, cancellationToken);
        int headEnd;
        while ((headEnd = _in.AsSpan(0, _received).IndexOf("\r\n\r\n"u8)) < 0)
            await ReceiveAsync(cancellationToken);
        headEnd += 4;
        var head = HttpHead.Parse(_in.AsSpan(0, headEnd));
        if (head.Status is 204 or 304)
            return new HttpAnswer(head.Status, default);
        var answer = head.IsChunked
            ? new HttpAnswer(head.Status, await ReadChunksAsync(headEnd, cancellationToken))
            : new HttpAnswer(head.Status, await ReadLengthAsync(headEnd, head.ContentLength, cancellationToken));
        if (head.Closes)
            Close();
        return answer;
    }

    private async ValueTask<ReadOnlyMemory<byte>> ReadLengthAsync(
        int start, int length, CancellationToken cancellationToken)
    {
        while (_received < start + length)
            await ReceiveAsync(cancellationToken);
        return _in.AsMemory(start, length);
    }

    private async ValueTask<ReadOnlyMemory<byte>> ReadChunksAsync(int start, CancellationToken cancellationToken)
    {
        var written = 0;
        while (true)
        {
            int lineEnd;
            while ((lineEnd = _in.AsSpan(start, _received - start).IndexOf("\r\n"u8)) < 0)
                await ReceiveAsync(cancellationToken);
            if (!Utf8Parser.TryParse(_in.AsSpan(start, lineEnd), out int size, out _, 'x'))
                throw new InvalidDataException("The server sent a malformed chunk.");
            start += lineEnd + 2;
            while (_received < start + size + 2)
                await ReceiveAsync(cancellationToken);
            if (size == 0)
                return _body.AsMemory(0, written);
            if (_body.Length < written + size)
                Array.Resize(ref _body, Math.Max(_body.Length * 2, written + size));
            _in.AsSpan(start, size).CopyTo(_body.AsSpan(written));
            written += size;
            start += size + 2;
        }
    }

    private async ValueTask ReceiveAsync(CancellationToken cancellationToken)
    {
        if (_received == _in.Length)
            Array.Resize(ref _in, _in.Length * 2);
        var count = await _socket!.ReceiveAsync(_in.AsMemory(_received), SocketFlags.None, cancellationToken);
        if (count == 0)
            throw new EndOfStreamException("The server closed the connection.");
        _received += count;
    }

    private int WriteRequest(string method, string target, string? token, ReadOnlySpan<byte> body)
    {
        var needed = method.Length + target.Length + host.Length + (token?.Length ?? 0) + body.Length + 256;
        if (_out.Length < needed)
            _out = new byte[needed * 2];
        var length = 0;
        Add(method);
        Add(" ");
        Add(target);
        Add(" HTTP/1.1\r\nHost: ");
        Add(host);
        if (token is not null)
        {
            Add("\r\nAuthorization: Bearer ");
            Add(token);
        }
        if (method is "PUT" or "POST")
        {
            Add("\r\nContent-Type: application/json\r\nContent-Length: ");
            Utf8Formatter.TryFormat(body.Length, _out.AsSpan(length), out var digits);
            length += digits;
        }
        Add("\r\n\r\n");
        body.CopyTo(_out.AsSpan(length));
        return length + body.Length;

        void Add(string text) => length += Encoding.ASCII.GetBytes(text, _out.AsSpan(length));
    }
}

/// <summary>What the head of an answer says.</summary>
internal readonly record struct HttpHead(int Status, int ContentLength, bool IsChunked, bool Closes)
{
    public static HttpHead Parse(ReadOnlySpan<byte> head)
    {
        // "HTTP/1.1 200 OK"
        if (head.Length < 12 || !Utf8Parser.TryParse(head[9..12], out int status, out _))
            throw new InvalidDataException("The server does not speak HTTP.");
        var length = 0;
        var isChunked = false;
        var closes = false;
        foreach (var range in head.Split("\r\n"u8))
        {
            var line = head[range];
            var colon = line.IndexOf((byte)':');
            if (colon < 0)
                continue;
            var name = line[..colon];
            var value = line[(colon + 1)..].Trim((byte)' ');
            if (Ascii.EqualsIgnoreCase(name, "content-length"u8))
                length = Utf8Parser.TryParse(value, out int parsed, out _) ? parsed : 0;
            else if (Ascii.EqualsIgnoreCase(name, "transfer-encoding"u8))
                isChunked = Ascii.EqualsIgnoreCase(value, "chunked"u8);
            else if (Ascii.EqualsIgnoreCase(name, "connection"u8))
                closes = Ascii.EqualsIgnoreCase(value, "close"u8);
        }
        return new HttpHead(status, length, isChunked, closes);
    }
}
