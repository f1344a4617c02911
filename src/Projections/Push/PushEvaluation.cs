using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.PushRules;

namespace Matrix.EventSourced.Projections.Push;

/// <summary>What one PDU does for the users of ours in its room.</summary>
/// <remarks>
/// <code>
///   predefined rules, somebody unnamed ──► notifies? ──► one shared row, however many members
///   each different set of own rules    ──► something else? ──► a personal row for each of its users
///   each user whom the PDU names       ──► something else? ──► a personal row
/// </code>
/// Spec: v1.19 client-server-api #receiving-notifications.
/// Cost: one evaluation per different set of rules in the room and per named user; not per member.
/// </remarks>
internal sealed class PushEvaluation(PushState state, PushRulesOf rules, PushRoom room, PlannedPdu planned)
{
    private static readonly JsonWriterOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonDocumentOptions AsDeepAsPdus = new() { MaxDepth = Limits.JsonDepthMax };

    private readonly string _eventId = planned.Fact.EventId.Value;
    private readonly UserId _sender = planned.Pdu.Sender;
    private JsonElement _pushed;
    private UserId _unnamed;

    public void Run()
    {
        var isAccepted = planned.Fact.Disposition == PduDisposition.Accepted;
        var isOwn = state.Plan.IsOurs(_sender.Value)
            && state.FindMember(room.RoomId, _sender.Value) is { Membership: Membership.Join };
        if (isAccepted && isOwn)
            state.Sent[(_sender.Value, room.RoomId, state.ThreadIdOf(planned))] = planned.Position;
        var hasOthers = isAccepted && room.JoinedLocal > (isOwn ? 1 : 0);
        var named = planned.Named.Where(IsConcerned).ToList();
        if (!isAccepted && named.Count == 0)
            return;
        (room.Ordinal, room.IsChanged) = (room.Ordinal + 1, true);
        if (!hasOthers && named.Count == 0)
            return;
        using var pushed = Parse();
        _pushed = pushed.RootElement;
        _unnamed = rules.UnnamedIn(planned.Fact.Pdu.Utf8.Span);
        var usual = hasOthers ? Ask(null, _unnamed, null) : null;
        if (usual is { Notifies: true })
            state.Shared.TryAdd(_eventId, RowOf(usual));
        if (hasOthers)
            AskOwnRules(usual);
        foreach (var user in named)
            Add(user, usual, Ask(state.RulesOf(user), UserId.Parse(user), NameOf(user)));
    }

    /// <summary>Of those whom the PDU names: who is in the room, and who is invited by it.</summary>
    private bool IsConcerned(string user) => user != _sender.Value
        && state.FindMember(room.RoomId, user) is { } member
        && (member.Membership == Membership.Join
            ? planned.Fact.Disposition == PduDisposition.Accepted
            : member.EventId == _eventId);

    private void AskOwnRules(PushVerdict? usual)
    {
        var shaToVerdict = new Dictionary<string, PushVerdict?>(StringComparer.Ordinal);
        foreach (var user in room.WithOwnRules)
        {
            if (user == _sender.Value || planned.Named.Contains(user) || state.RulesOf(user) is not { } own)
                continue;
            if (own.AsksForName)
            {
                Add(user, usual, Ask(own, _unnamed, NameOf(user)));
                continue;
            }
            if (!shaToVerdict.TryGetValue(own.Sha256, out var verdict))
                shaToVerdict[own.Sha256] = verdict = Ask(own, _unnamed, null);
            Add(user, usual, verdict);
        }
    }

    private PushVerdict? Ask(OwnRules? own, UserId user, string? displayName) =>
        rules.For(own, user).Evaluate(_pushed, new PushContext(
            user,
            displayName,
            (int)Math.Min(room.Joined, int.MaxValue),
            key => state.MayNotify(room, _sender, key)));

    private string? NameOf(string user) => state.FindMember(room.RoomId, user)?.DisplayName;

    private void Add(string user, PushVerdict? usual, PushVerdict? verdict)
    {
        if (!AreSame(usual, verdict))
            state.Personal[(_eventId, user)] = RowOf(verdict);
    }

    private static bool AreSame(PushVerdict? one, PushVerdict? other)
    {
        if (one is not { Notifies: true } || other is not { Notifies: true })
            return one is { Notifies: true } == other is { Notifies: true };
        return one.Actions.GetRawText() == other.Actions.GetRawText();
    }

    private NotificationRow RowOf(PushVerdict? verdict)
    {
        var notifies = verdict is { Notifies: true };
        return new(
            room.RoomId,
            _eventId,
            planned.Position,
            room.Ordinal,
            state.ThreadIdOf(planned),
            _sender.Value,
            notifies,
            notifies && verdict!.Highlights,
            notifies ? verdict!.Actions.GetRawText() : "[]",
            planned.Ts);
    }

    private JsonDocument Parse()
    {
        var buffer = new ArrayBufferWriter<byte>(planned.Fact.Pdu.Utf8.Length + 256);
        using (var writer = new Utf8JsonWriter(buffer, Relaxed))
            ClientEventWriter.Write(writer, planned.Pdu, ClientEventFormat.WithRoomId, null);
        return JsonDocument.Parse(buffer.WrittenMemory, AsDeepAsPdus);
    }
}
