using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>Carries a changed display name or avatar into the rooms that the user has joined.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #events-on-change-of-profile-information.
/// Called after the change is in the log and before the request is answered. A room that refuses the member event is
/// passed over.
/// </remarks>
public interface IProfilePropagation
{
    ValueTask PropagateAsync(UserId user, CommandContext context);
}
