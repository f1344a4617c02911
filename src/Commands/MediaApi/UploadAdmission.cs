using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.MediaApi;

/// <summary>Whether an upload may begin: what will be refused is not read first.</summary>
/// <remarks>The same is decided again when the content is there; this only spares the transfer.</remarks>
public sealed class UploadAdmission(AggregateStore<MediaState> media, IMediaUsage usage, MediaPolicy policy)
{
    /// <param name="userId">Who uploads.</param>
    /// <param name="mediaId">The id that was given out before; null for a new one.</param>
    /// <param name="sizeBytes">How much is announced; null when nothing is.</param>
    /// <param name="nowMs">Unix milliseconds.</param>
    /// <param name="cancellationToken">Ends the look.</param>
    public async ValueTask<MatrixError?> FindProblemAsync(
        UserId userId, MediaId? mediaId, long? sizeBytes, long nowMs, CancellationToken cancellationToken)
    {
        if (mediaId is { } id)
        {
            var loaded = await media.LoadAsync(MediaStreams.Own(id), cancellationToken);
            if (MediaDecider.FindProblem(loaded.State, userId, nowMs) is { } problem)
                return problem;
        }
        if (policy.QuotaBytes is null)
            return null;
        var used = await usage.FindAsync(userId, nowMs, cancellationToken);
        return FindProblem(policy, used, sizeBytes ?? 0);
    }

    /// <summary>Spec: v1.19 client-server-api #content-repo-security-considerations: the number and size of a user's
    /// media is limited with M_FORBIDDEN.</summary>
    internal static MatrixError? FindProblem(MediaPolicy policy, MediaUsage used, long sizeBytes) =>
        policy.QuotaBytes is { } quota && (used.Bytes >= quota || sizeBytes > quota - used.Bytes)
            ? MatrixError.Forbidden($"This upload would exceed your quota of {quota} bytes.")
            : null;
}
