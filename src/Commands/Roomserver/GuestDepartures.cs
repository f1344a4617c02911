using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Input;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Commands.Roomserver;

/// <summary>The rooms, from which guests of ours go as soon as they are not welcome there any more.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #guest-access, server behaviour. Whoever changes the room's guest access, of this
/// server or of another one, has their answer once the guests have left.
/// Cost: nothing but a look at types, unless the guest access changes.
/// </remarks>
internal sealed class GuestDepartures(IRoomserver rooms, IRoomGuests guests) : IRoomserver
{
    public async ValueTask<RoomAnswer> PerformAsync(RoomId roomId, RoomCommand command)
    {
        var answer = await rooms.PerformAsync(roomId, command);
        if (answer is RoomAnswer.Done && command is SendPdu { Type: EventTypes.GuestAccess, StateKey: "" })
            await SendAwayAsync(roomId, command.Context);
        return answer;
    }

    public async ValueTask<InputAnswer> ReceiveAsync(RoomId roomId, RoomInput input)
    {
        var answer = await rooms.ReceiveAsync(roomId, input);
        if (answer is InputAnswer.Done && input is ReceivePdus { Pdus: var pdus }
            && pdus.Any(static received => received.Pdu.StateTuple == RoomTuples.GuestAccess))
            await SendAwayAsync(roomId, input.Context);
        return answer;
    }

    public ValueTask<RoomReading> ReadAsync(RoomId roomId, params IReadOnlyList<StateTuple> tuples) =>
        rooms.ReadAsync(roomId, tuples);

    public ValueTask<RoomReading> ReadAsync(RoomId roomId, Func<IRoomLoader, ValueTask> load) =>
        rooms.ReadAsync(roomId, load);

    private async ValueTask SendAwayAsync(RoomId roomId, CommandContext context)
    {
        if (await rooms.ReadAsync(roomId, RoomTuples.GuestAccess) is not RoomReading.Found { View: var view }
            || ChangeMembership.AreGuestsWelcome(view))
            return;
        var content = MemberContent.Build(
            Membership.Leave, MemberProfile.Empty, "Guests are not welcome here any more.");
        foreach (var guest in await guests.JoinedAsync(roomId))
        {
            await rooms.PerformAsync(
                roomId, new ChangeMembership(context, MembershipCause.Leave, guest, guest, content));
        }
    }
}
