using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Matrix.EventSourced.Commands.Roomserver.Room;

namespace Matrix.EventSourced.Commands.Roomserver.Workers;

/// <summary>The record id of a PDU that a client sent with a transaction id.</summary>
/// <remarks>
/// Ensures: the same request has the same record id for good, so that the log refuses a second append across restarts
/// and processes.
/// Shape: the first 16 bytes of SHA-256 over the four parts, each preceded by its length. Never change it: old logs
/// hold such ids.
/// </remarks>
internal static class TransactionRecordIds
{
    public static Guid Of(TransactionKey key)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, key.UserId.Value);
        Append(hash, key.DeviceId);
        Append(hash, key.Scope);
        Append(hash, key.TransactionId);
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        hash.GetHashAndReset(digest);
        return new Guid(digest[..16]);
    }

    private static void Append(IncrementalHash hash, string part)
    {
        var bytes = Encoding.UTF8.GetBytes(part);
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, bytes.Length);
        hash.AppendData(length);
        hash.AppendData(bytes);
    }
}
