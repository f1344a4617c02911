using System.Text.Json;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Simulation.Tests;

namespace Matrix.EventSourced.FederationSimulation.Tests;

/// <summary>What one server may tell which other server, and what it may believe, by its own log alone.</summary>
/// <remarks>An EDU is known by what it says: its key. Who shared the room when the fact was written, and was let in by the
/// room's access control, may hear of it; who was kept out then may once the room lets it in again.</remarks>
internal sealed class EduWatch(ServerName us, IEventReader log)
{
    private readonly Dictionary<EventId, Pdu> _members = [];
    private readonly Dictionary<EventId, Pdu> _acls = [];
    private readonly Dictionary<RoomId, Dictionary<string, EventId>> _roomToMembers = [];
    private readonly Dictionary<RoomId, Pdu> _roomToAcl = [];
    private readonly HashSet<(RoomId Room, UserId User)> _everJoined = [];
    private readonly Dictionary<string, HashSet<ServerName>> _keyToAllowed = new(StringComparer.Ordinal);
    private readonly List<(RoomId Room, ServerName Server, string Key)> _denied = [];
    private readonly HashSet<(ServerName, string)> _delivered = [];
    private LogPosition _position = LogPosition.Start;

    /// <summary>The last receipts and presences that each server must have heard of at the end.</summary>
    public SortedDictionary<(string Server, string Subject), string> Latest { get; } = [];

    /// <summary>Messages to devices that left for each server, and that came from each, in the order of the log.</summary>
    public Dictionary<ServerName, List<string>> Sent { get; } = [];

    /// <inheritdoc cref="Sent"/>
    public Dictionary<ServerName, List<string>> Got { get; } = [];

    /// <summary>The newest receipt of each that another server brought, by the time that it says.</summary>
    public Dictionary<(RoomId Room, UserId User, string? Thread), (long Ts, HashSet<string> EventIds)> Brought { get; } = [];

    /// <summary>What clients were told was sent.</summary>
    public HashSet<string> ToDevice { get; } = new(StringComparer.Ordinal);

    public int Edus { get; private set; }

    public int Refused { get; private set; }

    public async ValueTask CatchUpAsync()
    {
        await foreach (var record in log.ReadAllAsync(_position, ReadDirection.Forwards, long.MaxValue))
        {
            _position = record.Position;
            var fact = FactCodec.Decode(record.Type, record.Data);
            var origin = FactCodec.DecodeMetadata(record.Metadata)?.Actor.Server;
            switch (fact)
            {
                case PduRecorded pdu:
                    Hear(pdu);
                    break;
                case TypingChanged typing:
                    Hear(typing.RoomId, typing.UserId, KeyOf(typing), null, origin);
                    break;
                case ReceiptRecorded receipt:
                    var isPublic = receipt.Type == "m.read";
                    Hear(receipt.RoomId, receipt.UserId, isPublic ? KeyOf(receipt) : null, SubjectOf(receipt), origin);
                    break;
                case PresenceChanged presence:
                    Hear(presence, origin);
                    break;
                case ToDeviceSent sent:
                    Hear(sent, origin);
                    break;
            }
        }
    }

    public bool IsJoined(RoomId room, UserId user) =>
        _roomToMembers.TryGetValue(room, out var members) && members.TryGetValue(user.Value, out var eventId) && SaysJoin(eventId);

    public bool Allows(RoomId room, ServerName server) =>
        !_roomToAcl.TryGetValue(room, out var acl) || ServerAcl.From(acl).Allows(server);

    /// <summary>An EDU leaves for a server.</summary>
    public void Leaves(ServerName destination, JsonElement edu)
    {
        foreach (var key in KeysOf(edu))
        {
            Edus++;
            if (!_keyToAllowed.TryGetValue(key, out var allowed) || !allowed.Contains(destination))
                throw new SimulationFailure($"{us} tells {destination} what it may not: {edu.GetRawText()}");
        }
    }

    /// <summary>A server said that it took an EDU.</summary>
    public void Delivered(ServerName destination, JsonElement edu)
    {
        foreach (var key in KeysOf(edu))
            _delivered.Add((destination, key));
    }

    /// <summary>A receipt came, was taken, and its user is in the room.</summary>
    public void Came(ServerName origin, JsonElement edu)
    {
        if (edu.GetProperty("edu_type").GetString() != "m.receipt")
            return;
        foreach (var (room, user, eventId, thread, ts) in ReceiptsOf(edu.GetProperty("content")))
        {
            if (!user.IsOn(origin) || !IsJoined(room, user) || !Allows(room, origin))
                continue;
            var key = (room, user, thread);
            if (!Brought.TryGetValue(key, out var known) || known.Ts < ts)
                Brought[key] = (ts, [eventId]);
            else if (known.Ts == ts)
                known.EventIds.Add(eventId);
        }
    }

    /// <summary>Who should have heard of the last of something, and has not.</summary>
    /// <param name="isAsked">Who counts: not whom rooms keep out now and then.</param>
    public (string Server, string Key)? FindUndelivered(Func<ServerName, bool> isAsked)
    {
        foreach (var ((server, _), key) in Latest)
        {
            if (isAsked(ServerName.Parse(server)) && !_delivered.Contains((ServerName.Parse(server), key)))
                return (server, key);
        }
        return null;
    }

    private void Hear(PduRecorded fact)
    {
        var isMember = fact.Pdu.Utf8.Span.IndexOf("m.room.member"u8) >= 0;
        if (isMember || fact.Pdu.Utf8.Span.IndexOf("m.room.server_acl"u8) >= 0)
        {
            var pdu = PduParser.ParseStored(fact.Pdu.Utf8, RoomVersionRules.Find(fact.RoomVersion)!, fact.EventId);
            (isMember ? _members : _acls).TryAdd(fact.EventId, pdu);
        }
        if (!_roomToMembers.TryGetValue(fact.RoomId, out var members))
            _roomToMembers[fact.RoomId] = members = new(StringComparer.Ordinal);
        foreach (var entry in fact.StateAdded)
        {
            if (entry.Tuple.Type == "m.room.member")
            {
                members[entry.Tuple.StateKey] = entry.EventId;
                if (SaysJoin(entry.EventId) && UserId.TryParse(entry.Tuple.StateKey, out var user))
                    _everJoined.Add((fact.RoomId, user));
            }
            else if (entry.Tuple is { Type: "m.room.server_acl", StateKey: "" })
            {
                _roomToAcl[fact.RoomId] = _acls[entry.EventId];
            }
        }
        foreach (var tuple in fact.StateRemoved)
        {
            if (tuple.Type == "m.room.member")
                members.Remove(tuple.StateKey);
            else if (tuple is { Type: "m.room.server_acl", StateKey: "" })
                _roomToAcl.Remove(fact.RoomId);
        }
        foreach (var (room, server, key) in _denied.Where(one => one.Room == fact.RoomId && Allows(one.Room, one.Server)).ToList())
        {
            Allowed(key).Add(server);
            _denied.Remove((room, server, key));
        }
    }

    private void Hear(RoomId room, UserId user, string? key, string? subject, string? origin)
    {
        if (!user.IsOn(us))
        {
            Believe(user, origin);
            if (!_everJoined.Contains((room, user)))
                throw new SimulationFailure($"{us} believes that {user} is in {room}: {key}");
            return;
        }
        if (origin is not (null or "self"))
            throw new SimulationFailure($"{origin} told {us} of its own user {user}: {key}");
        if (key is null)
            return;
        foreach (var server in HostsOf(room))
        {
            if (Allows(room, server))
                Allowed(key).Add(server);
            else
                _denied.Add((room, server, key));
            if (subject is not null && Allows(room, server))
                Latest[(server.Value, subject)] = key;
        }
    }

    private void Hear(PresenceChanged presence, string? origin)
    {
        if (!presence.UserId.IsOn(us))
        {
            Believe(presence.UserId, origin);
            if (!_everJoined.Any(joined => joined.User == presence.UserId))
                throw new SimulationFailure($"{us} keeps the presence of {presence.UserId}, whom nobody here sees");
            return;
        }
        if (origin is not (null or "self"))
            throw new SimulationFailure($"{origin} told {us} of its own user {presence.UserId}");
        var key = KeyOf(presence);
        foreach (var server in _roomToMembers.Keys.Where(room => IsJoined(room, presence.UserId)).SelectMany(HostsOf).Distinct())
        {
            Allowed(key).Add(server);
            Latest[(server.Value, $"presence {presence.UserId}")] = key;
        }
    }

    private void Hear(ToDeviceSent sent, string? origin)
    {
        if (sent.Sender.IsOn(us))
        {
            if (origin is not null)
                throw new SimulationFailure($"{origin} sent for {sent.Sender} of {us}");
            ToDevice.Add($"{sent.Recipient} {sent.Messages[0].Content}");
            if (sent.Recipient.IsOn(us))
                return;
            Allowed(KeyOf(sent.Sender, sent.MessageId, sent.Recipient)).Add(sent.Recipient.Server);
            Add(Sent, sent.Recipient.Server, sent);
            return;
        }
        Believe(sent.Sender, origin);
        if (!sent.Recipient.IsOn(us))
            throw new SimulationFailure($"{us} takes messages for {sent.Recipient}");
        Add(Got, sent.Sender.Server, sent);
    }

    private static void Add(Dictionary<ServerName, List<string>> lists, ServerName server, ToDeviceSent sent)
    {
        if (!lists.TryGetValue(server, out var list))
            lists[server] = list = [];
        list.Add($"{KeyOf(sent.Sender, sent.MessageId, sent.Recipient)} {sent.Type} {string.Join(' ', sent.Messages)}");
    }

    /// <summary>Only its own server says something of a user; we ourselves only that its time is over.</summary>
    private void Believe(UserId user, string? origin)
    {
        if (origin is null || (origin != "self" && origin != user.Server.Value))
            throw new SimulationFailure($"{us} believes {origin} of {user}");
    }

    private HashSet<ServerName> Allowed(string key)
    {
        if (!_keyToAllowed.TryGetValue(key, out var allowed))
            _keyToAllowed[key] = allowed = [];
        return allowed;
    }

    /// <summary>The other servers in a room.</summary>
    public List<ServerName> HostsOf(RoomId room) => !_roomToMembers.TryGetValue(room, out var members) ? [] :
        [.. members.Where(member => SaysJoin(member.Value)).Select(member => UserId.Parse(member.Key).Server).Distinct()
            .Where(server => server != us)];

    private bool SaysJoin(EventId eventId) => _members.TryGetValue(eventId, out var pdu) && pdu.Membership == "join";

    private static IEnumerable<string> KeysOf(JsonElement edu)
    {
        var content = edu.GetProperty("content");
        switch (edu.GetProperty("edu_type").GetString())
        {
            case "m.typing":
                yield return $"typing {Text(content, "room_id")} {Text(content, "user_id")} {content.GetProperty("typing").GetBoolean()}";
                break;
            case "m.receipt":
                foreach (var (room, user, eventId, thread, ts) in ReceiptsOf(content))
                    yield return $"receipt {room} {user} {eventId} {thread} {ts}";
                break;
            case "m.presence":
                foreach (var one in content.GetProperty("push").EnumerateArray())
                {
                    yield return $"presence {Text(one, "user_id")} {Text(one, "presence")} {Text(one, "status_msg")}"
                        + $" {one.GetProperty("currently_active").GetBoolean()}";
                }
                break;
            case "m.direct_to_device":
                foreach (var recipient in content.GetProperty("messages").EnumerateObject())
                {
                    yield return KeyOf(
                        UserId.Parse(Text(content, "sender")!), Text(content, "message_id")!, UserId.Parse(recipient.Name));
                }
                break;
            case var other:
                throw new SimulationFailure($"an EDU of the type {other} is sent");
        }
    }

    private static IEnumerable<(RoomId Room, UserId User, string EventId, string? Thread, long Ts)> ReceiptsOf(JsonElement content)
    {
        foreach (var room in content.EnumerateObject())
        {
            foreach (var type in room.Value.EnumerateObject())
            {
                if (type.Name != "m.read")
                    throw new SimulationFailure($"a receipt of the type {type.Name} is sent");
                foreach (var user in type.Value.EnumerateObject())
                {
                    var data = user.Value.GetProperty("data");
                    foreach (var eventId in user.Value.GetProperty("event_ids").EnumerateArray())
                    {
                        yield return (RoomId.Parse(room.Name), UserId.Parse(user.Name), eventId.GetString()!,
                            Text(data, "thread_id"), data.GetProperty("ts").GetInt64());
                    }
                }
            }
        }
    }

    private static string? Text(JsonElement content, string name) =>
        content.TryGetProperty(name, out var value) ? value.GetString() : null;

    private static string KeyOf(TypingChanged typing) => $"typing {typing.RoomId} {typing.UserId} {typing.IsTyping}";

    private static string KeyOf(ReceiptRecorded receipt) =>
        $"receipt {receipt.RoomId} {receipt.UserId} {receipt.EventId} {receipt.ThreadId} {receipt.Ts}";

    private static string SubjectOf(ReceiptRecorded receipt) => $"receipt {receipt.RoomId} {receipt.UserId} {receipt.ThreadId}";

    private static string KeyOf(PresenceChanged presence) => $"presence {presence.UserId} "
        + $"{presence.Presence.ToString().ToLowerInvariant()} {presence.StatusMsg} {presence.IsCurrentlyActive}";

    private static string KeyOf(UserId sender, string messageId, UserId recipient) => $"message {sender} {messageId} {recipient}";
}
