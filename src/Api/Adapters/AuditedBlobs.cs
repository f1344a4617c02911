using System.Buffers;
using System.Security.Cryptography;
using Matrix.EventSourced.Media.Blobs;
using Matrix.EventSourced.Projections.Audit;

namespace Matrix.EventSourced.Api.Adapters;

/// <summary>Reads blobs for an audit.</summary>
internal sealed class AuditedBlobs(IBlobStore blobs) : IAuditedBlobs
{
    public IDisposable HoldDeletions() => blobs.HoldDeletions();

    public async ValueTask<string?> FindProblemAsync(
        string sha256, long sizeBytes, CancellationToken cancellationToken)
    {
        if (!BlobId.TryParse(sha256, out var id))
            return "its name is no SHA-256";
        // Opened for an audit, it is not used: what nobody looks at must still grow old.
        await using var content = blobs.OpenUnnoted(id);
        if (content is null)
            return "its bytes are missing";
        if (content.Length != sizeBytes)
            return $"it has {content.Length} bytes in place of {sizeBytes}";
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(128 * 1024);
        try
        {
            int read;
            while ((read = await content.ReadAsync(buffer, cancellationToken)) > 0)
                hash.AppendData(buffer.AsSpan(0, read));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
        return BlobId.Of(hash.GetHashAndReset()) == id ? null : "its bytes have another SHA-256";
    }
}
