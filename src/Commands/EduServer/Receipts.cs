using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.EduServer;

/// <summary>The kinds of markers that a client may set. Spec: v1.19 client-server-api #receipts.</summary>
public static class ReceiptKinds
{
    public const string Read = "m.read";
    public const string ReadPrivate = "m.read.private";

    /// <summary>No receipt: it is kept as account data of the room.</summary>
    public const string FullyRead = "m.fully_read";
}

/// <summary>One marker of a user in a room. Shape: Kind is one of <see cref="ReceiptKinds"/>.</summary>
public sealed record ReadMarker(string Kind, EventId EventId, string? ThreadId = null);

/// <summary>Checks and records up to where users have read.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #receipts, #read-and-unread-markers.
/// The last one wins, in whichever direction: a client that marks a room as unread goes back.
/// </remarks>
public sealed class Receipts(
    RoomMembers members, IPduStore pdus, IEduLookup lookup, FactAppender appender, IMediator mediator)
{
    public const string MainThread = "main";

    /// <summary>Sets all of the markers, or none of them.</summary>
    public async ValueTask<CommandResult<Unit>> SetAsync(
        RoomId room, UserId user, IReadOnlyList<ReadMarker> markers, CommandContext context)
    {
        if (await members.CheckJoinedAsync(room, user) is { } refusal)
            return refusal;
        foreach (var marker in markers)
        {
            if (await CheckAsync(room, marker) is { } problem)
                return problem;
        }
        var position = LogPosition.Start;
        foreach (var marker in markers)
        {
            var result = marker.Kind == ReceiptKinds.FullyRead
                ? await SetFullyReadAsync(room, user, marker, context)
                : await RecordAsync(
                    new ReceiptRecorded(
                        room, user, marker.Kind, marker.EventId, marker.ThreadId, context.ReceivedAtMs),
                    context);
            if (result is not CommandResult<Unit>.Done done)
                return result;
            position = LogPosition.Max(position, done.Position);
        }
        return new CommandResult<Unit>.Done(Unit.Value, position);
    }

    /// <summary>Records a receipt that was checked, unless it says what is known.</summary>
    private async ValueTask<CommandResult<Unit>> RecordAsync(ReceiptRecorded receipt, CommandContext context)
    {
        var known = await lookup.FindReceiptAsync(receipt.RoomId, receipt.UserId, receipt.Type, receipt.ThreadId);
        if (known?.EventId == receipt.EventId)
            return new CommandResult<Unit>.Done(Unit.Value, LogPosition.Start);
        return await AppendAsync(receipt, context);
    }

    /// <summary>Records another server's receipt, unless a later one was here: what is sent again may come
    /// late.</summary>
    public async ValueTask<CommandResult<Unit>> RecordRemoteAsync(ReceiptRecorded receipt, CommandContext context)
    {
        var known = await lookup.FindReceiptAsync(receipt.RoomId, receipt.UserId, receipt.Type, receipt.ThreadId);
        // The same event with a later time moves the time, so that what was before it stays before it.
        return known?.Ts > receipt.Ts || known == new KnownReceipt(receipt.EventId, receipt.Ts)
            ? new CommandResult<Unit>.Done(Unit.Value, LogPosition.Start)
            : await AppendAsync(receipt, context);
    }

    private async ValueTask<CommandResult<Unit>> AppendAsync(ReceiptRecorded receipt, CommandContext context)
    {
        var appended = await appender.AppendAsync(
            new StreamName(StreamCategories.Receipts, receipt.RoomId.Value), ExpectedRevision.Any, [receipt], context);
        return appended is AppendResult.Appended done
            ? new CommandResult<Unit>.Done(Unit.Value, done.Position)
            : throw new InvalidOperationException("An append that expects nothing met a conflict.");
    }

    private async ValueTask<MatrixError?> CheckAsync(RoomId room, ReadMarker marker)
    {
        var found = await pdus.FindAsync([marker.EventId]);
        if (found.Count == 0 || found[0].RoomId != room)
            return MatrixError.InvalidParam("The event is not in this room.");
        return marker.ThreadId is null || await new ThreadWalk(pdus).IsInAsync(found[0], marker.ThreadId)
            ? null
            : MatrixError.InvalidParam("The event is not related to this thread.");
    }

    private Task<CommandResult<Unit>> SetFullyReadAsync(
        RoomId room, UserId user, ReadMarker marker, CommandContext context)
    {
        var quoted = JsonEncodedText.Encode(marker.EventId.Value);
        var content = new RawJson(Encoding.UTF8.GetBytes($$"""{"event_id":"{{quoted}}"}"""));
        return mediator.Send(
            new SetAccountData(context, user, room, ReceiptKinds.FullyRead, content) { IsByServer = true },
            CancellationToken.None);
    }
}
