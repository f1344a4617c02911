using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts.MediaApi;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.MediaApi;

/// <summary>Decides on pieces of media. Pure.</summary>
/// <remarks>Spec: v1.19 client-server-api #content-repository.</remarks>
public static class MediaDecider
{
    private static readonly MatrixError Unknown = MatrixError.NotFound("There is no such media to upload to.");
    private static readonly MatrixError Expired = MatrixError.NotFound("This media id has expired.");
    private static readonly MatrixError OfAnother = MatrixError.Forbidden("Another user was given this media id.");
    private static readonly MatrixError Overwriting =
        new(409, ErrCodes.CannotOverwriteMedia, "This media was uploaded already.");

    /// <summary>Why a user may not upload to an id that was given out before; null when they may.</summary>
    /// <remarks>Spec: v1.19 client-server-api #put_matrixmediav3uploadservernamemediaid. Whose it is comes first: to
    /// others an id says nothing.</remarks>
    public static MatrixError? FindProblem(MediaState state, UserId userId, long nowMs)
    {
        if (!state.Exists)
            return Unknown;
        if (state.Uploader != userId)
            return OfAnother;
        if (state.WasUploaded)
            return Overwriting;
        return state.UnusedExpiresAtMs <= nowMs ? Expired : null;
    }

    public static Decision Create(MediaState state, MediaCreated created) =>
        state.Exists ? Overwriting : Decision.Accept(created);

    /// <summary>Content comes to an id that was given out before.</summary>
    public static Decision Fill(MediaState state, MediaUploaded uploaded, UserId userId, long nowMs) =>
        FindProblem(state, userId, nowMs) is { } problem ? problem : Decision.Accept(uploaded);

    /// <summary>Content comes with an id of its own.</summary>
    public static Decision Upload(MediaState state, MediaUploaded uploaded) =>
        state.Exists ? Overwriting : Decision.Accept(uploaded);

    /// <summary>A copy of another server's media came; the same one again changes nothing.</summary>
    public static Decision Cache(MediaState state, RemoteMediaCached cached) =>
        state.Sha256 == cached.Sha256 ? Decision.Nothing : Decision.Accept(cached);

    /// <summary>Content goes. Errors: M_NOT_FOUND where there is none.</summary>
    public static Decision Remove(MediaState state, MediaRemoved removed) =>
        state.Sha256 is null ? MatrixError.NotFound("There is no such media.") : Decision.Accept(removed);

    /// <summary>Errors: M_NOT_FOUND for media of this server that never was; another server's need not be here.
    /// </summary>
    public static Decision Quarantine(MediaState state, MediaQuarantined changed)
    {
        if (changed.Origin is null && !state.Exists)
            return MatrixError.NotFound("There is no such media.");
        return state.IsQuarantined == changed.IsQuarantined ? Decision.Nothing : Decision.Accept(changed);
    }
}
