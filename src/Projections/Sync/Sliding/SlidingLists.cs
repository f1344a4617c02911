using System.Collections.Immutable;
using System.Text.Json;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol;

namespace Matrix.EventSourced.Projections.Sync.Sliding;

/// <summary>A room that a list may show.</summary>
/// <remarks>Shape: Shape is null for rooms that this server knows only by an invite or a knock.</remarks>
internal sealed record SlidingCandidate(UserMembership Membership, RoomShape? Shape)
{
    public string RoomId => Membership.RoomId;

    /// <summary>Whether the user is in it, or was: then there is more to tell than stripped state.</summary>
    public bool HasTimeline { get; init; }

    /// <summary>What it is sorted by. See MSC4186, activity ordering; for rooms that the user is not in, when the
    /// membership began.</summary>
    public long Activity =>
        Membership.Membership == Roomserver.Membership.Join ? Shape?.Last ?? Membership.Position : Membership.Position;

    public long BumpStamp =>
        Membership.Membership == Roomserver.Membership.Join ? Shape?.Bump ?? Membership.Position : Membership.Position;

    /// <summary>The last position at which something of it was news to the user.</summary>
    public long News => Membership.Membership == Roomserver.Membership.Join
        ? Math.Max(Shape?.News ?? 0, Membership.Position)
        : Membership.Position;
}

/// <summary>Finds the rooms that a request is about: the windows of its lists, and its subscriptions.</summary>
/// <remarks>
/// See MSC4186, lists and subscriptions. Rooms that the user left by themselves are in a list only where the
/// connection knows them; those that they were put out of always are; rooms that they only were banned from never.
/// Cost: memory work where the shapes are known; stripped state and spaces are read only for filters that ask for
/// them.
/// </remarks>
internal sealed class SlidingLists(
    SlidingRequest request,
    LiveSnapshot snapshot,
    ImmutableDictionary<string, SentRoom> sent,
    RoomReader reader,
    RoomShapeReader shapes,
    LeftRooms leftRooms,
    SlidingUserData user)
{
    private readonly List<SlidingCandidate> _candidates = [];
    private IReadOnlyDictionary<string, LeftKind> _kinds = ImmutableDictionary<string, LeftKind>.Empty;
    private Dictionary<string, (string? Type, bool IsEncrypted)> _strippedShapes = [];
    private Dictionary<string, HashSet<string>> _spaceToChildren = [];

    public List<(string Name, int Count)> Counts { get; } = [];

    /// <summary>Room → why it is in the answer; in the order of the room ids.</summary>
    public SortedDictionary<string, SlidingRoomMatch> Matches { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, SlidingCandidate> IdToCandidate { get; } = [];

    public async ValueTask FindAsync(CancellationToken cancellationToken)
    {
        await FindCandidatesAsync(cancellationToken);
        await ReadForFiltersAsync(cancellationToken);
        foreach (var list in request.Lists)
        {
            var index = 0;
            foreach (var candidate in _candidates)
            {
                if (!IsListed(candidate) || !Passes(candidate, list.Filter))
                    continue;
                if (list.Covers(index++))
                    Match(candidate.RoomId, list.Config).Lists.Add(list.Name);
            }
            Counts.Add((list.Name, index));
        }
        foreach (var (roomId, config) in request.Subscriptions)
        {
            if (IdToCandidate.ContainsKey(roomId))
                Match(roomId, config).IsSubscribed = true;
        }
    }

    private SlidingRoomMatch Match(string roomId, RoomConfig config)
    {
        if (Matches.TryGetValue(roomId, out var match))
            match.Config = match.Config.With(config);
        else
            Matches[roomId] = match = new SlidingRoomMatch(config);
        return match;
    }

    private async ValueTask FindCandidatesAsync(CancellationToken cancellationToken)
    {
        var memberships = snapshot.Joined.ConvertAll(joined => joined.Membership);
        var left = snapshot.Others.FindAll(
            other => other.Membership is Membership.Leave or Membership.Ban);
        var kinds = await leftRooms.ReadAsync(left, cancellationToken);
        foreach (var other in snapshot.Others)
        {
            // Banned from outside: nothing of the room was ever the user's.
            if (other.Membership is Membership.Leave or Membership.Ban
                && kinds[other.EventId] == LeftKind.NeverIn
                && !sent.ContainsKey(other.RoomId))
            {
                continue;
            }
            memberships.Add(other);
        }
        var known = await shapes.ReadAsync(memberships.Select(one => one.RoomId), cancellationToken);
        foreach (var membership in memberships)
        {
            var candidate = new SlidingCandidate(membership, known.GetValueOrDefault(membership.RoomId))
            {
                HasTimeline = membership.Membership switch
                {
                    Membership.Join => true,
                    Membership.Leave or Membership.Ban => kinds[membership.EventId] != LeftKind.NeverIn,
                    _ => false,
                },
            };
            IdToCandidate[membership.RoomId] = candidate;
            _candidates.Add(candidate);
        }
        _kinds = kinds;
        _candidates.Sort(static (left, right) => left.Activity != right.Activity
            ? right.Activity.CompareTo(left.Activity)
            : string.CompareOrdinal(left.RoomId, right.RoomId));
    }

    private bool IsListed(SlidingCandidate candidate) =>
        candidate.Membership.Membership is Membership.Join or Membership.Invite or Membership.Knock
        || sent.ContainsKey(candidate.RoomId)
        || _kinds[candidate.Membership.EventId] == LeftKind.PutOut;

    private async ValueTask ReadForFiltersAsync(CancellationToken cancellationToken)
    {
        var batch = reader.Begin();
        var invites = request.Lists.Any(list => list.Filter.NeedsShape)
            ? _candidates.FindAll(candidate => !candidate.HasTimeline)
            : [];
        var stripped = batch.Stripped(invites.ConvertAll(candidate => candidate.Membership.EventId));
        var spaces = request.Lists
            .SelectMany(list => list.Filter.Spaces ?? [])
            .Distinct()
            .Where(space => IdToCandidate.TryGetValue(space, out var one)
                && one.Membership.Membership == Membership.Join)
            .ToList();
        var children = batch.State(
            [.. spaces.Select(space => new StateRange(space, snapshot.Position, 0, WithMembers: false))]);
        if (batch.IsEmpty)
            return;
        await batch.ExecuteAsync(cancellationToken);
        _strippedShapes = invites.ToDictionary(
            invite => invite.RoomId, invite => ShapeOf(stripped[invite.Membership.EventId]));
        _spaceToChildren = spaces.ToDictionary(space => space, _ => new HashSet<string>());
        foreach (var child in children)
        {
            // A link without servers is no link. Spec: v1.19 client-server-api #mspacechild-relationship.
            if (child.Type == "m.space.child" && HasVia(child))
                _spaceToChildren[child.RoomId].Add(child.StateKey!);
        }
    }

    private bool Passes(SlidingCandidate candidate, SlidingFilter filter)
    {
        var roomId = candidate.RoomId;
        if (filter.IsDirect is { } isDirect && user.DirectRooms.Contains(roomId) != isDirect)
            return false;
        if (filter.IsInvited is { } isInvited
            && (candidate.Membership.Membership == Membership.Invite) != isInvited)
        {
            return false;
        }
        if (filter.Tags is { } tags && !user.HasTag(roomId, tags))
            return false;
        if (filter.NotTags is { } notTags && user.HasTag(roomId, notTags))
            return false;
        if (filter.Spaces is { } spaces && !spaces.Any(space =>
            _spaceToChildren.TryGetValue(space, out var children) && children.Contains(roomId)))
        {
            return false;
        }
        return !filter.NeedsShape || PassesShape(candidate, filter);
    }

    private bool PassesShape(SlidingCandidate candidate, SlidingFilter filter)
    {
        var (type, isEncrypted) = candidate.HasTimeline
            ? (candidate.Shape?.Type, candidate.Shape?.IsEncrypted ?? false)
            : _strippedShapes.GetValueOrDefault(candidate.RoomId);
        return (filter.IsEncrypted is not { } wanted || wanted == isEncrypted)
            && (filter.RoomTypes is not { } types || Array.IndexOf(types, type) >= 0)
            && (filter.NotRoomTypes is not { } notTypes || Array.IndexOf(notTypes, type) < 0);
    }

    private static (string? Type, bool IsEncrypted) ShapeOf(ReadOnlyMemory<byte> strippedState)
    {
        (string? Type, bool IsEncrypted) shape = default;
        using var document = JsonDocument.Parse(strippedState, new() { MaxDepth = Limits.JsonDepthMax });
        foreach (var stripped in document.RootElement.EnumerateArray())
        {
            if (stripped.ValueKind != JsonValueKind.Object || !stripped.TryGetProperty("type"u8, out var type))
                continue;
            if (type.ValueKind != JsonValueKind.String)
                continue;
            shape.IsEncrypted |= type.ValueEquals("m.room.encryption"u8);
            if (type.ValueEquals("m.room.create"u8)
                && stripped.TryGetProperty("content"u8, out var content)
                && content.ValueKind == JsonValueKind.Object
                && content.TryGetProperty("type"u8, out var roomType)
                && roomType.ValueKind == JsonValueKind.String)
            {
                shape.Type = roomType.GetString();
            }
        }
        return shape;
    }

    private static bool HasVia(StoredEvent child)
    {
        using var content = JsonDocument.Parse(child.Pdu.ContentUtf8, new() { MaxDepth = Limits.JsonDepthMax });
        return content.RootElement.TryGetProperty("via"u8, out var via)
            && via.ValueKind == JsonValueKind.Array
            && via.GetArrayLength() > 0;
    }
}
