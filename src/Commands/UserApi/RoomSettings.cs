using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Commands.UserApi.ClientConfig;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>What a user's account data says about rooms, for the Roomserver.</summary>
/// <remarks>Reads the user's stream in the log, of which it keeps the outcome in memory: no projection is waited
/// for.</remarks>
public sealed class RoomSettings(AggregateStore<ClientConfigState> configs) : IRoomSettings
{
    public async ValueTask<bool> BlocksInvitesAsync(UserId userId) =>
        (await configs.LoadAsync(UserStreams.AccountData(userId))).State.BlocksInvites;

    public async ValueTask CarryOverAsync(UserId userId, RoomId from, RoomId to, CommandContext context) =>
        await configs.ExecuteAsync(
            UserStreams.AccountData(userId),
            state => RoomSuccessor.CarryOver(state, userId, from, to),
            context);
}
