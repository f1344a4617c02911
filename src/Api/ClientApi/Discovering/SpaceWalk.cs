using Matrix.EventSourced.Projections.Roomserver;

namespace Matrix.EventSourced.Api.ClientApi.Discovering;

/// <summary>Walks a space depth first, each room once, and takes some of the rooms on its way.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #discovering-rooms-within-spaces. A room that is reached again is left out: so a loop
/// ends. Rooms that the visitor may not see are not entered.
/// Cost: one read per space.
/// </remarks>
internal sealed class SpaceWalk(RoomDiscovery rooms, RoomVisitor visitor, bool isSuggestedOnly, int depthMax)
{
    /// <summary>LIMIT: rooms that one walk looks at. Ours: each page walks from the beginning.</summary>
    private const int RoomsMax = 5_000;

    private readonly HashSet<string> _seen = [];
    private readonly List<RoomCard> _taken = [];
    private int _skipped;

    /// <summary>The rooms after the first <paramref name="skip"/>, and one more than <paramref name="limit"/> where
    /// there is one.</summary>
    public async ValueTask<List<RoomCard>> TakeAsync(
        RoomCard root, int skip, int limit, CancellationToken cancellationToken)
    {
        var stack = new Stack<(RoomCard Card, int Depth)>();
        stack.Push((root, 0));
        _skipped = 0;
        while (_taken.Count <= limit && _seen.Count < RoomsMax && stack.TryPop(out var next))
        {
            if (!_seen.Add(next.Card.RoomId))
                continue;
            if (_skipped < skip)
                _skipped++;
            else
                _taken.Add(next.Card);
            if (next.Depth < depthMax)
                await PushChildrenAsync(stack, next.Card, next.Depth + 1, cancellationToken);
        }
        return _taken;
    }

    /// <summary>The children that the walk considers.</summary>
    public IEnumerable<SpaceChild> ChildrenOf(RoomCard card) =>
        isSuggestedOnly ? card.Children.Where(child => child.IsSuggested) : card.Children;

    private async ValueTask PushChildrenAsync(
        Stack<(RoomCard Card, int Depth)> stack, RoomCard parent, int depth, CancellationToken cancellationToken)
    {
        var children = ChildrenOf(parent).Where(child => !_seen.Contains(child.RoomId)).ToList();
        if (children.Count == 0)
            return;
        var cards = await rooms.FindAsync(
            children.ToDictionary(child => child.RoomId, child => child.Via), cancellationToken);
        // The first child comes off the stack first.
        for (var index = children.Count - 1; index >= 0; index--)
        {
            if (cards.TryGetValue(children[index].RoomId, out var card) && visitor.MaySee(card))
                stack.Push((card, depth));
        }
    }
}
