using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.MediaApi;

/// <summary>A stream per piece of media.</summary>
/// <remarks>Shape: a slash stands in no server name and in no id, so the two kinds never meet.</remarks>
public static class MediaStreams
{
    public static StreamName Own(MediaId mediaId) => new(StreamCategories.Media, mediaId.Value);

    public static StreamName Remote(ServerName origin, MediaId mediaId) =>
        new(StreamCategories.Media, $"{origin.Value}/{mediaId.Value}");

    /// <param name="origin">Null for this server.</param>
    /// <param name="mediaId">The id.</param>
    public static StreamName Of(ServerName? origin, MediaId mediaId) =>
        origin is { } server ? Remote(server, mediaId) : Own(mediaId);
}
