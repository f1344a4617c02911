using System.Text.Json;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Commands.Roomserver.Room;

/// <summary>Sends a message or state event of a local user.</summary>
/// <remarks>
/// Ensures: a state event that says what its sender has said there already makes no new PDU; its answer is the PDU that
/// stands.
/// Errors: M_FORBIDDEN with the authorisation rule; what the PDU's builder refuses (M_TOO_LARGE, M_BAD_JSON).
/// </remarks>
// HOT
internal sealed record SendPdu(
    CommandContext Context, UserId Sender, string Type, string? StateKey, JsonElement Content)
    : RoomCommand(Context)
{
    /// <summary>For a redaction: what it redacts, as it was found before the command was queued.</summary>
    public RedactionTarget? Target { get; init; }

    /// <summary>For an annotation: what no other one of the room may be; null where it may be sent twice.</summary>
    public AnnotationKey? Annotation { get; init; }

    public override async ValueTask LoadAsync(IRoomLoader loader)
    {
        var tuples = AuthEventSelection.TuplesFor(Type, StateKey, Sender, Content, loader.View.Rules);
        for (var i = 0; i < tuples.Count; i++)
            await loader.LoadAsync(tuples[i]);
        await loader.LoadAsync(RoomTuples.Member(Sender));
        if (StateKey is not null)
            await loader.LoadAsync(new StateTuple(Type, StateKey));
    }

    public override RoomDecision Decide(RoomView view, DecisionInputs inputs)
    {
        if (view.MembershipOf(Sender) != Membership.Join)
            return RoomErrors.NotInRoom;
        if (StateKey is not null && view.Get(new StateTuple(Type, StateKey)) is { } standing && Says(standing))
            return new RoomDecision.AlreadyDone(standing.EventId);
        if (Target?.FindRefusal(view, Sender) is { } refusal)
            return refusal;
        var draft = new RoomDraft(view, inputs.At(OriginServerTs));
        var error = draft.Add(new NewPdu(Type, StateKey, Sender, Content)
        {
            Redacts = Target?.Pdu.EventId,
            RedactsApplied = Target?.Pdu.EventId,
        });
        // Last: who may not speak at all is told that.
        error ??= MessageShape.FindProblem(Type, StateKey, Content);
        return error is null ? draft.Accept() : error;
    }

    /// <summary>An unknown room and one that the user is not in look the same.</summary>
    public override RoomDecision DecideUnknown() => RoomErrors.NotInRoom;

    private bool Says(Pdu standing) =>
        standing.Sender == Sender
        && CanonicalJson.FindViolation(Content) is null
        && standing.ContentUtf8.Span.SequenceEqual(CanonicalJson.Canonicalise(Content));
}

/// <summary>The PDU that a redaction is about. IsByAdmin: the sender administers this server, whose users' PDUs they
/// may redact.</summary>
internal sealed record RedactionTarget(Pdu Pdu, bool IsByAdmin)
{
    /// <summary>Why the sender may not redact it, or null.</summary>
    /// <remarks>
    /// Spec: v1.19 client-server-api #redactions: one's own events, or others' with the redact level. The authorisation
    /// rules let any user of the
    /// sender's server redact the event; among our own users we decide who may.
    /// </remarks>
    public MatrixError? FindRefusal(RoomView view, UserId sender)
    {
        if (Pdu.Type == EventTypes.Create)
            return MatrixError.Forbidden("The create event cannot be redacted.");
        if (Pdu.Sender == sender || (IsByAdmin && Pdu.Sender.Server == sender.Server))
            return null;
        var levels = view.PowerLevels;
        return levels.UserLevel(sender) >= levels.Redact
            ? null
            : MatrixError.Forbidden("You do not have the power to redact other users' events in this room.");
    }
}
