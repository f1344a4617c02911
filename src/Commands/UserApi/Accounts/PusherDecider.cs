using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Commands.UserApi.Accounts;

/// <summary>Decides on pushers, which stand in <c>user-…</c>. Pure.</summary>
public static class PusherDecider
{
    /// <summary>A pusher is made, or changed where app and key are known.</summary>
    /// <remarks>Errors: M_FORBIDDEN above <see cref="Limits.PushersMax"/>; M_UNKNOWN_TOKEN when the device has ended
    /// meanwhile, since a pusher without its device would never end.</remarks>
    public static Decision Set(AccountState state, PusherSet pusher)
    {
        if (!state.Devices.ContainsKey(pusher.DeviceId))
            return new MatrixError(401, ErrCodes.UnknownToken, "This session has ended.");
        var isKnown = state.Pushers.TryGetValue(new PusherKey(pusher.AppId, pusher.PushKey), out var known);
        if (isKnown && known.DeviceId == pusher.DeviceId && known.Pusher == pusher.Pusher)
            return Decision.Nothing;
        return !isKnown && state.Pushers.Count >= Limits.PushersMax
            ? MatrixError.Forbidden($"A user has at most {Limits.PushersMax} pushers.")
            : Decision.Accept(pusher);
    }

    /// <summary>A pusher is removed; one that is not there is gone already.</summary>
    public static Decision Delete(AccountState state, PusherDeleted pusher) =>
        state.Pushers.ContainsKey(new PusherKey(pusher.AppId, pusher.PushKey))
            ? Decision.Accept(pusher)
            : Decision.Nothing;
}
