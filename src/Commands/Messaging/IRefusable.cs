using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Commands.Messaging;

/// <summary>
/// An answer that can be a refusal; lets a behaviour refuse without knowing what the command would have answered.
/// </summary>
public interface IRefusable<TSelf>
    where TSelf : IRefusable<TSelf>
{
    static abstract TSelf Refuse(MatrixError error);
}
