using System.Collections.Immutable;
using System.Text.Json;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.Signing;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Commands.Roomserver.Room;

/// <summary>What a new PDU of ours says: the part that its sender chooses.</summary>
public sealed record NewPdu(string Type, string? StateKey, UserId Sender, JsonElement Content)
{
    /// <summary>What a redaction redacts; where it stands in the PDU is the room version's business.</summary>
    public EventId? Redacts { get; init; }

    /// <summary>The PDU that a redaction takes effect on at once.</summary>
    public EventId? RedactsApplied { get; init; }

    public RawJson? StrippedState { get; init; }
}

/// <summary>Builds PDUs one after the other on top of a room: selects auth events, signs, and authorises each by the
/// state that the ones before it made.</summary>
/// <remarks>
/// <code>
///   forward extremities ──► prev_events ┐
///   state entries ────────► auth_events ┼─► build, hash, sign ─► authorise by the state ─► decided, and the next one's
/// state
///   depth + 1, now ─────────────────────┘                          │ refused: M_FORBIDDEN with the rule
/// </code>
/// Shape: one draft per decision; not shared. Pure: time and keys are given.
/// Cost: one signature and one or two SHA-256 per PDU.
/// </remarks>
// HOT
public sealed class RoomDraft : IAuthState
{
    private readonly RoomView? _view;
    private readonly ServerIdentity _identity;
    private readonly long _nowMs;
    private readonly ImmutableArray<DecidedPdu>.Builder _decided = ImmutableArray.CreateBuilder<DecidedPdu>(1);
    private Dictionary<StateTuple, Pdu>? _overlay;
    private IReadOnlyList<EventId> _prevEvents;
    private long _depth;

    /// <summary>A draft on top of a room that exists.</summary>
    public RoomDraft(RoomView view, DecisionInputs inputs)
    {
        _view = view;
        _identity = inputs.Identity;
        _nowMs = inputs.NowMs;
        Rules = view.Rules;
        RoomId = view.RoomId;
        Create = view.Create;
        _depth = view.Depth;
        // LIMIT: of more extremities than a PDU may cite the first ones are joined; the next PDUs cite the others.
        _prevEvents = view.ForwardExtremities.Length <= Limits.PrevEventsMax
            ? view.ForwardExtremities
            : view.ForwardExtremities[..Limits.PrevEventsMax];
    }

    /// <summary>A draft of a room that begins here. RoomId null: the create PDU's id makes it.</summary>
    public RoomDraft(RoomVersionRules rules, RoomId? roomId, DecisionInputs inputs)
    {
        _identity = inputs.Identity;
        _nowMs = inputs.NowMs;
        Rules = rules;
        RoomId = roomId;
        _prevEvents = [];
    }

    public RoomVersionRules Rules { get; }

    /// <summary>The room; null only before the create PDU of a room whose id it makes.</summary>
    public RoomId? RoomId { get; private set; }

    public Pdu? Create { get; private set; }

    /// <summary>What was decided so far.</summary>
    public ImmutableArray<DecidedPdu> Decided => _decided.ToImmutable();

    public Pdu? Get(StateTuple tuple)
    {
        if (_overlay is not null && _overlay.TryGetValue(tuple, out var pdu))
            return pdu;
        return _view?.Get(tuple);
    }

    public PowerLevels GetPowerLevels(Pdu create) =>
        _view is not null && (_overlay is null || !_overlay.ContainsKey(RoomTuples.PowerLevels))
        ? _view.GetPowerLevels(create)
        : PowerLevels.From(Get(RoomTuples.PowerLevels), create);

    /// <summary>Builds and authorises one PDU; null when it is decided, else the refusal.</summary>
    public MatrixError? Add(NewPdu next)
    {
        var draft = new PduDraft(
            RoomId,
            next.Type,
            next.StateKey,
            next.Sender,
            next.Content,
            _nowMs,
            Math.Min(_depth + 1, Limits.CanonicalIntegerMax),
            _prevEvents,
            SelectAuthEvents(next)) { Redacts = next.Redacts };
        var built = PduBuilder.Build(draft, Rules, _identity);
        if (built is PduBuildResult.Refused unbuilt)
            return unbuilt.Error;
        var pdu = ((PduBuildResult.Built)built).Pdu;
        if (EventAuthorisation.Check(pdu, this, Create) is AuthOutcome.Refused refused)
            return MatrixError.Forbidden(refused.Reason, $"rule {refused.Rule}");
        Take(pdu, next);
        return null;
    }

    /// <summary>The decision: what was decided so far.</summary>
    public RoomDecision Accept() => new RoomDecision.Accepted(_decided.ToImmutable());

    private void Take(Pdu pdu, NewPdu next)
    {
        _decided.Add(new DecidedPdu(pdu) { RedactsApplied = next.RedactsApplied, StrippedState = next.StrippedState });
        _prevEvents = [pdu.EventId];
        _depth = pdu.Depth;
        if (pdu.StateTuple is not { } tuple)
            return;
        (_overlay ??= [])[tuple] = pdu;
        if (tuple != RoomTuples.Create)
            return;
        Create = pdu;
        RoomId = pdu.RoomId;
    }

    private List<EventId> SelectAuthEvents(NewPdu next)
    {
        var tuples = AuthEventSelection.TuplesFor(next.Type, next.StateKey, next.Sender, next.Content, Rules);
        var authEvents = new List<EventId>(tuples.Count);
        for (var i = 0; i < tuples.Count; i++)
        {
            if (Get(tuples[i]) is { } pdu)
                authEvents.Add(pdu.EventId);
        }
        return authEvents;
    }
}

/// <summary>What a decider is given besides the room: who signs, and when. Units: NowMs, Unix milliseconds.</summary>
public sealed record DecisionInputs(ServerIdentity Identity, long NowMs)
{
    /// <summary>The same at another time, where one is given.</summary>
    public DecisionInputs At(long? ms) => ms is { } time ? this with { NowMs = time } : this;
}
