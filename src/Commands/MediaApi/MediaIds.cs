using System.Buffers.Text;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.MediaApi;

/// <summary>Makes ids of media.</summary>
internal static class MediaIds
{
    /// <summary>LIMIT: random bytes of an id. Ours: it is all that keeps media of a room from others, so none can be
    /// guessed.</summary>
    private const int RandomBytes = 18;

    public static MediaId New(IRandom random)
    {
        Span<byte> bytes = stackalloc byte[RandomBytes];
        random.Fill(bytes);
        return MediaId.Parse(Base64Url.EncodeToString(bytes));
    }
}
