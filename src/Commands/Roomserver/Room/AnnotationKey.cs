using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.Roomserver.Room;

/// <summary>What makes two annotations the same one.</summary>
/// <remarks>Spec: v1.19 client-server-api #avoiding-duplicate-annotations. Shape: Target is an event id; KeySha256 is
/// the hash of the annotation's key in hex, since a key may be any text of any length.</remarks>
public readonly record struct AnnotationKey(UserId Sender, string Type, string Target, string KeySha256)
{
    /// <summary>The answer to the second one.</summary>
    public static MatrixError Duplicate { get; } =
        new(400, ErrCodes.DuplicateAnnotation, "You have annotated the event like this already.");
}
