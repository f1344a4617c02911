using Matrix.EventSourced.Facts.FedSender;
using Matrix.EventSourced.Projections.FedSender;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.EventStore;

namespace Matrix.EventSourced.FederationSimulation.Tests;

/// <summary>The FedSender's tables of one server, in memory: who is in which room and what waits for whom is decided by the
/// projection's own state; here it is only loaded and kept.</summary>
internal sealed class DeliveryTables(ServerName us)
{
    private readonly HashSet<string> _joins = new(StringComparer.Ordinal);
    private readonly HashSet<string> _pending = new(StringComparer.Ordinal);
    private readonly HashSet<(string Room, string User)> _members = [];
    private readonly Dictionary<(string Room, string Server), long> _hosts = [];
    private readonly Dictionary<string, List<QueueRow>> _queue = new(StringComparer.Ordinal);
    private readonly Dictionary<string, DestinationRow> _destinations = new(StringComparer.Ordinal);

    /// <summary>Applies a batch; the destinations for which something is queued are returned.</summary>
    /// <param name="batch">The facts.</param>
    /// <param name="delivered">In a rebuild: what each server was sent already; null while the log is followed.</param>
    public IReadOnlyCollection<string> Apply(IReadOnlyList<DecodedRecord> batch, IReadOnlyDictionary<string, long>? delivered)
    {
        var state = new FedSenderState(us.Value, FedSenderPlan.Of(batch, us.Value));
        Load(state);
        foreach (var destination in state.LoadedHosts.Where(host => host != us.Value).ToList())
        {
            if (delivered is not null)
                state.Skip(destination, delivered.GetValueOrDefault(destination));
        }
        foreach (var record in batch)
            state.Apply(record);
        Write(state);
        return state.Queued.Keys;
    }

    public IReadOnlyList<ServerName> InRoom(RoomId roomId) =>
        [.. _hosts.Where(host => host.Key.Room == roomId.Value).OrderByDescending(host => host.Value)
            .ThenBy(host => host.Key.Server, StringComparer.Ordinal).Select(host => ServerName.Parse(host.Key.Server))];

    public IReadOnlyList<ServerName> SharingWith(UserId userId) =>
        [.. _hosts.Keys.Where(host => _members.Contains((host.Room, userId.Value))).Select(host => host.Server)
            .Distinct().Order(StringComparer.Ordinal).Select(ServerName.Parse)];

    public List<string> Waiting() => [.. _queue.Where(entry => entry.Value.Count > 0).Select(entry => entry.Key)];

    public int CountFor(ServerName server) => _queue.GetValueOrDefault(server.Value)?.Count ?? 0;

    public List<QueuedFact> Queue(ServerName destination, long after, long upTo, int limit) =>
        [.. (_queue.GetValueOrDefault(destination.Value) ?? [])
            .Where(row => row.Position > after && row.Position <= upTo)
            .OrderBy(row => row.Position)
            .Take(limit)
            .Select(row => new QueuedFact(
                row.Position, StreamName.FromStored(row.Stream), row.Revision, row.IsPdu, row.RecordedMs))];

    private void Load(FedSenderState state)
    {
        var plan = state.Plan;
        foreach (var (room, user) in _members.Where(member => plan.Sharers.Contains(member.User)))
            state.LoadRoomOf(user, room);
        var rooms = plan.Rooms.Union(plan.Sharers.SelectMany(state.RoomsOfLoaded)).ToHashSet(StringComparer.Ordinal);
        foreach (var ((room, server), members) in _hosts.Where(host => rooms.Contains(host.Key.Room)))
            state.LoadHost(room, server, members);
        foreach (var (room, user) in plan.Members.Where(_members.Contains))
            state.LoadMember(room, user);
        state.OlderJoins.UnionWith(plan.OlderMembers.Where(_joins.Contains));
        state.OlderPending.UnionWith(plan.MaybePending.Where(_pending.Contains));
        foreach (var (destination, row) in _destinations.Where(entry => entry.Value.Failures > 0))
            state.LoadFailing(destination, row);
    }

    private void Write(FedSenderState state)
    {
        _joins.UnionWith(state.Plan.Joins);
        _pending.UnionWith(state.Plan.Pending);
        foreach (var (room, user) in state.ChangedMembers)
        {
            if (state.IsJoined(room, user))
                _members.Add((room, user));
            else
                _members.Remove((room, user));
        }
        foreach (var (room, server) in state.ChangedHosts)
        {
            if (state.CountOf(room, server) is > 0 and var count)
                _hosts[(room, server)] = count;
            else
                _hosts.Remove((room, server));
        }
        foreach (var (destination, upTo) in state.DeliveredUpTo)
            _queue.GetValueOrDefault(destination)?.RemoveAll(row => row.Position <= upTo);
        foreach (var (destination, room) in state.Superseded)
            _queue.GetValueOrDefault(destination)?.RemoveAll(row => row.Room == room && row.IsPdu);
        foreach (var (destination, subject) in state.SupersededSubjects)
            _queue.GetValueOrDefault(destination)?.RemoveAll(row => row.Subject == subject);
        foreach (var (destination, rows) in state.Queued)
        {
            if (!_queue.TryGetValue(destination, out var queued))
                _queue[destination] = queued = [];
            queued.AddRange(rows);
        }
        foreach (var (destination, row) in state.ChangedDestinations)
            _destinations[destination] = row;
    }
}
