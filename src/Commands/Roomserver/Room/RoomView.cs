using System.Collections.Immutable;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Commands.Roomserver.Room;

/// <summary>What a decider sees of a room: its heads, and the PDUs of those state entries that were loaded for
/// it.</summary>
/// <remarks>
/// Errors: a decider does no I/O; where it asks for an entry that was not loaded for it,
/// <see cref="EntryNotLoadedException"/>
/// tells the worker to load it and to decide again.
/// </remarks>
public sealed class RoomView : IAuthState
{
    private readonly RoomState _state;
    private readonly IReadOnlyDictionary<StateTuple, Pdu?> _tupleToPdu;
    private readonly ParsedPowerLevels _levels;

    internal RoomView(RoomState state, IReadOnlyDictionary<StateTuple, Pdu?> tupleToPdu, ParsedPowerLevels levels)
    {
        _state = state;
        _tupleToPdu = tupleToPdu;
        _levels = levels;
    }

    public RoomId RoomId => _state.RoomId;

    public RoomVersionRules Rules => _state.Rules;

    public Pdu Create => _state.Create;

    public ImmutableArray<EventId> ForwardExtremities => _state.ForwardExtremities;

    public long Depth => _state.Depth;

    /// <summary>The current state; as long as it is the same, whatever follows from the state is.</summary>
    public StateRoot CurrentState => _state.Current.Root;

    public PowerLevels PowerLevels => GetPowerLevels(Create);

    /// <summary>The PDU that holds a tuple in the current state, or null when none does.</summary>
    public Pdu? Get(StateTuple tuple)
    {
        if (tuple == RoomTuples.Create)
            return _state.Create;
        if (!_tupleToPdu.TryGetValue(tuple, out var pdu))
            throw new EntryNotLoadedException(tuple);
        return pdu;
    }

    public PowerLevels GetPowerLevels(Pdu create) => _levels.Of(Get(RoomTuples.PowerLevels), create);

    public Membership MembershipOf(UserId userId) => MembershipParser.Of(Get(RoomTuples.Member(userId)));

    /// <summary>Loaded members of the room whose membership is join, ordered by user id.</summary>
    public IEnumerable<UserId> LoadedJoinedMembers() => _tupleToPdu
        .Where(entry => entry.Key.Type == EventTypes.Member && MembershipParser.Of(entry.Value) == Membership.Join)
        .Select(entry => entry.Key.StateKey)
        .Order(StringComparer.Ordinal)
        .Select(UserId.Parse);
}

/// <summary>Parses a room's power levels once for as long as the same PDU is in force.</summary>
internal sealed class ParsedPowerLevels
{
    private (Pdu? Source, PowerLevels Levels)? _parsed;

    public PowerLevels Of(Pdu? source, Pdu create)
    {
        if (_parsed is { } parsed && ReferenceEquals(parsed.Source, source))
            return parsed.Levels;
        var levels = PowerLevels.From(source, create);
        _parsed = (source, levels);
        return levels;
    }
}

/// <summary>A decision needs one more entry of the room's state.</summary>
internal sealed class EntryNotLoadedException(StateTuple tuple) : Exception($"The state entry {tuple} is not loaded.")
{
    public StateTuple Tuple => tuple;
}
