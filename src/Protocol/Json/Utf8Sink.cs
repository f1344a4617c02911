using System.Buffers;

namespace Matrix.EventSourced.Protocol.Json;

// HOT
/// <summary>A growing run of bytes on a pooled array: what canonical JSON is written into before its length is
/// known.</summary>
/// <remarks>Requires: passed by reference, disposed in the method that made it.</remarks>
internal ref struct Utf8Sink
{
    private byte[] _buffer;
    private int _count;

    public Utf8Sink(int capacity) => _buffer = ArrayPool<byte>.Shared.Rent(Math.Max(capacity, 256));

    public readonly int Count => _count;

    public readonly ReadOnlySpan<byte> Written => _buffer.AsSpan(0, _count);

    public void Append(byte value)
    {
        if (_count == _buffer.Length)
            Grow(1);
        _buffer[_count++] = value;
    }

    public void Append(scoped ReadOnlySpan<byte> bytes)
    {
        if (_buffer.Length - _count < bytes.Length)
            Grow(bytes.Length);
        bytes.CopyTo(_buffer.AsSpan(_count));
        _count += bytes.Length;
    }

    /// <summary>Room for at most this many bytes; <see cref="Advance"/> says how many were used.</summary>
    public Span<byte> Reserve(int byteCount)
    {
        if (_buffer.Length - _count < byteCount)
            Grow(byteCount);
        return _buffer.AsSpan(_count, byteCount);
    }

    public void Advance(int byteCount) => _count += byteCount;

    public readonly byte[] ToArray() => _buffer.AsSpan(0, _count).ToArray();

    public void Dispose()
    {
        var buffer = _buffer;
        _buffer = [];
        _count = 0;
        if (buffer.Length > 0)
            ArrayPool<byte>.Shared.Return(buffer);
    }

    private void Grow(int byteCount)
    {
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(_buffer.Length * 2, _count + byteCount));
        _buffer.AsSpan(0, _count).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }
}
