using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>Takes a user out of every room: who closed their account is nobody's member. ADR 0095.</summary>
/// <remarks>Called after the account is closed in the log. A room that refuses is passed over.</remarks>
public interface IRoomDepartures
{
    ValueTask LeaveAllAsync(UserId user, CommandContext context);
}
