using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.Signing;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.FederationSimulation.Tests;

/// <summary>A server that keeps to no rules but one: its own state is not lied about, since nobody could tell.</summary>
/// <remarks>It has seen every PDU of everybody. It makes PDUs on any of them, good ones and bad ones, gives them to some
/// servers and keeps them from others, sends what is no transaction, and answers as it likes.</remarks>
internal sealed partial class ByzantineServer : INetworkNode
{
    private readonly World _world;
    private readonly SimulatedNetwork _network;
    private readonly ServerIdentity _identity;
    private readonly ServerSigningKey _otherKey;
    private readonly SimulatedClock _clock;
    private readonly UserId[] _users;
    private readonly Dictionary<EventId, byte[]> _made = [];
    private int _transactions;

    public ByzantineServer(World world, SimulatedNetwork network, string name)
    {
        (_world, _network) = (world, network);
        _identity = new ServerIdentity(ServerName.Parse(name), MakeKey("ed25519:evil"));
        _otherKey = MakeKey("ed25519:evil");
        _clock = new SimulatedClock(world, 0, static () => true);
        _users = [UserId.Parse($"@eve:{name}"), UserId.Parse($"@mal:{name}")];
        network.Add(this);
    }

    public ServerName Name => _identity.Name;

    public IReadOnlyList<UserId> Users => _users;

    public object? Listener => this;

    /// <summary>From now on it does nothing, and answers well.</summary>
    public bool IsTame { get; set; }

    public int Made => _made.Count;

    public int Forged { get; private set; }

    /// <summary>Makes some PDUs in a room and sends them, or worse, to some servers.</summary>
    public async Task ActAsync(SharedRoom room, Dictionary<StateTuple, EventId> current, IReadOnlyList<EventId> extremities,
        IReadOnlyList<ServerName> servers)
    {
        var pdus = new List<byte[]>();
        for (var i = 1 + _world.Random.Next(4); i > 0; i--)
        {
            if (await MakeAsync(room, current, extremities) is { } made)
                pdus.Add(made);
        }
        if (_world.Chance(30) && _made.Count > 0)
            pdus.Add(_world.Draw(_made.Values.ToList()));
        var content = Transaction(pdus);
        foreach (var server in servers.Where(_ => _world.Chance(60)))
            _world.Watch(SendAsync(server, content));
    }

    /// <summary>Asks for, or hands in, what it should not.</summary>
    public async Task AskAsync(SharedRoom room, ServerName server, IReadOnlyList<UserId> users)
    {
        var roomId = Uri.EscapeDataString(room.RoomId.Value);
        var eventId = Uri.EscapeDataString(_world.Draw(room.Oracle.All).Pdu.EventId.Value);
        var user = Uri.EscapeDataString(_world.Draw([.. users, .. _users]).Value);
        var pdu = _made.Count > 0 ? Text(_world.Draw(_made.Values.ToList())) : "{}";
        const string v1 = "/_matrix/federation/v1";
        const string v2 = "/_matrix/federation/v2";
        var (method, uri, content) = _world.Draw<(string, string, string)>([
            ("GET", $"{v1}/state_ids/{roomId}?event_id={eventId}", ""),
            ("GET", $"{v1}/state/{roomId}?event_id={eventId}", ""),
            ("GET", $"{v1}/event/{eventId}", ""),
            ("GET", $"{v1}/event_auth/{roomId}/{eventId}", ""),
            ("GET", $"{v1}/backfill/{roomId}?v={eventId}&limit=1000000", ""),
            ("GET", $"{v1}/timestamp_to_event/{roomId}?ts=-9&dir=f", ""),
            ("GET", $"{v1}/make_join/{roomId}/{user}?ver={room.Rules.Version}", ""),
            ("GET", $"{v1}/make_leave/{roomId}/{user}", ""),
            ("GET", $"{v1}/make_knock/{roomId}/{user}?ver={room.Rules.Version}", ""),
            ("PUT", $"{v2}/send_join/{roomId}/{eventId}", pdu),
            ("PUT", $"{v2}/send_leave/{roomId}/{eventId}", pdu),
            ("PUT", $"{v1}/send_knock/{roomId}/{eventId}", pdu),
            ("PUT", $"{v2}/invite/{roomId}/{eventId}",
                $$"""{"event":{{pdu}},"invite_room_state":[7],"room_version":"{{room.Rules.Version}}"}"""),
            ("POST", $"{v1}/get_missing_events/{roomId}",
                """{"earliest_events":[],"latest_events":[7],"limit":-1,"min_depth":9007199254740991}"""),
        ]);
        await SendAsync(method, uri, server, Utf8(content));
    }

    public Task<WireAnswer> AnswerAsync(WireRequest request)
    {
        var path = request.Uri.Split('?')[0];
        if (path.StartsWith("/_matrix/key/v2/server", StringComparison.Ordinal))
            return Answer(200, KeyDocument(SimulatedClock.EpochMs + _world.NowMs + 86_400_000));
        if (IsTame && request.IsTransaction)
            return Answer(200, """{"pdus":{}}"""u8.ToArray());
        if (!IsTame && _world.Chance(20))
            return Answer(_world.Draw([200, 200, 400, 403, 429, 500, 502]), Garbage());
        return path.Split('/') switch
        {
            [_, _, "federation", "v1", "send", ..] => Answer(200, """{"pdus":{}}"""u8.ToArray()),
            [_, _, "federation", "v1", "get_missing_events", ..] => Answer(200, Missing(request)),
            [_, _, "federation", "v1", "event", var id] when Find(id) is { } pdu =>
                Answer(200, Utf8($$"""{"origin":"{{Name}}","origin_server_ts":1,"pdus":[{{Text(pdu)}}]}""")),
            // What it does not tell, nobody can hold against it.
            _ => Answer(404, """{"errcode":"M_NOT_FOUND","error":"no"}"""u8.ToArray()),
        };
    }

    private Task SendAsync(ServerName server, byte[] content) =>
        SendAsync("PUT", $"/_matrix/federation/v1/send/evil{++_transactions}", server, content);

    private async Task SendAsync(string method, string uri, ServerName server, byte[] content)
    {
        var key = _world.Chance(5) ? _otherKey : _identity.Key;
        string? header = null;
        try
        {
            header = new SignedRequest(method, uri, Name, server, content).Sign(key).ToString();
        }
        catch (FormatException)
        {
            header = new SignedRequest(method, uri, Name, server, "{}"u8.ToArray()).Sign(key).ToString();
        }
        if (_world.Chance(3))
            header = null;
        var answer = await _network.SendAsync(
            new object(), new WireRequest(Name, server, method, uri, header, content), TimeSpan.FromSeconds(60), 1 << 20);
        _world.Say($"{Name} sends {method} {uri} to {server}: {(answer as Federation.Transport.FederationAnswer.Answered)?.Status}");
        if (answer is Federation.Transport.FederationAnswer.Answered { Status: >= 500 and not 503 } failed)
            throw new Simulation.Tests.SimulationFailure(
                $"{server} answered {failed.Status} {Encoding.UTF8.GetString(failed.Body.Span)} to {Encoding.UTF8.GetString(content)}");
    }

    private async Task<byte[]?> MakeAsync(SharedRoom room, Dictionary<StateTuple, EventId> current, IReadOnlyList<EventId> extremities)
    {
        var oracle = room.Oracle;
        var prevEvents = DrawPrevEvents(room, extremities);
        var state = await oracle.ResolveAsync(prevEvents);
        var sender = _world.Draw(_users);
        var isJoined = oracle.Get(state, AuthTuples.Member(sender.Value))?.Membership == "join";
        var (type, stateKey, content) = isJoined || _world.Chance(10)
            ? DrawEvent(room, state, sender)
            : (EventTypes.Member, sender.Value, """{"membership":"join"}""");
        var said = JsonElement.Parse(content);
        var authState = _world.Chance(15) ? current : state;
        var authEvents = AuthEventSelection.TuplesFor(type, stateKey, sender, said, room.Rules)
            .Where(authState.ContainsKey).Select(tuple => authState[tuple]).ToList();
        if (_world.Chance(5) && authEvents.Count > 1)
            authEvents.RemoveAt(_world.Random.Next(authEvents.Count));
        var draft = new PduDraft(
            room.RoomId, type, stateKey, sender, said,
            SimulatedClock.EpochMs + _world.NowMs - _world.Random.Next(10_000),
            prevEvents.Max(id => oracle[id].Pdu.Depth) + 1, prevEvents, authEvents)
        {
            EventIdToReferenceHash = prevEvents.Concat(authEvents).Distinct().Select(id => oracle[id].Pdu).ToDictionary(
                pdu => pdu.EventId, pdu => (ReadOnlyMemory<byte>)PduHashes.ReferenceHash(pdu)),
            Redacts = type == EventTypes.Redaction ? _world.Draw(extremities) : null,
        };
        if (PduBuilder.Build(draft, room.Rules, _identity) is not PduBuildResult.Built { Pdu: var pdu } || oracle.Knows(pdu.EventId))
            return null;
        return _world.Chance(60) ? await KeepAsync(room, pdu) : Spoil(room, pdu);
    }

    private async Task<byte[]> KeepAsync(SharedRoom room, Pdu pdu)
    {
        room.Oracle.Hear(pdu);
        await room.Oracle.AddAsync(pdu);
        return _made[pdu.EventId] = pdu.Json.ToArray();
    }

    /// <summary>The PDU, but something about it is wrong.</summary>
    private byte[] Spoil(SharedRoom room, Pdu pdu)
    {
        Forged++;
        var json = JsonNode.Parse(pdu.Json.Span)!.AsObject();
        switch (_world.Random.Next(9))
        {
            case 0:
                json["signatures"] = new JsonObject { [Name.Value] = new JsonObject { ["ed25519:evil"] = new string('A', 86) } };
                break;
            case 1:
                json["sender"] = $"@ann:{_world.Draw(room.Oracle.All).Pdu.Sender.Server}";
                break;
            case 2:
                json["room_id"] = "!other:nowhere";
                break;
            case 3:
                json["auth_events"] = References(room, Enumerable.Range(0, 30).Select(i => $"$none{i}:{Name}"));
                break;
            case 4:
                json["prev_events"] = References(room, Enumerable.Range(0, 30).Select(i => $"$none{i}:{Name}"));
                break;
            case 5:
                json["content"]!["filler"] = new string('x', 70_000);
                break;
            case 6:
                json["depth"] = "deep";
                break;
            case 7:
                json.Remove("hashes");
                break;
            default:
                json["type"] = 7;
                break;
        }
        return Encoding.UTF8.GetBytes(json.ToJsonString());
    }

    private static JsonArray References(SharedRoom room, IEnumerable<string> eventIds) => room.Rules.Version is "1" or "2"
        ? new JsonArray([.. eventIds.Select(id => (JsonNode)new JsonArray(id, new JsonObject { ["sha256"] = new string('A', 43) }))])
        : new JsonArray([.. eventIds.Select(id => (JsonNode)("$" + new string('b', 40) + id[5..8]))]);

    private List<EventId> DrawPrevEvents(SharedRoom room, IReadOnlyList<EventId> extremities)
    {
        var all = room.Oracle.All;
        return _world.Random.Next(4) switch
        {
            0 => [.. Enumerable.Range(0, 1 + _world.Random.Next(2))
                .Select(_ => all[Math.Max(0, all.Count - 1 - _world.Random.Next(15))].Pdu.EventId).Distinct()],
            1 => [all[^1].Pdu.EventId],
            _ => [.. extremities.Take(20)],
        };
    }

    private (string Type, string? StateKey, string Content) DrawEvent(SharedRoom room, Dictionary<StateTuple, EventId> state, UserId sender)
    {
        var others = state.Keys.Where(tuple => tuple.Type == EventTypes.Member).Select(tuple => UserId.Parse(tuple.StateKey))
            .Append(_users[0]).OrderBy(user => user.Value, StringComparer.Ordinal).ToList();
        return _world.Random.Next(9) switch
        {
            0 => (EventTypes.Topic, "", $$"""{"topic":"evil {{_world.Random.Next(100)}}"}"""),
            1 => (EventTypes.Member, sender.Value, """{"membership":"leave"}"""),
            2 => (EventTypes.Member, _world.Draw(others).Value, """{"membership":"ban"}"""),
            3 => (EventTypes.Member, _world.Draw(others).Value, """{"membership":"leave"}"""),
            4 => (EventTypes.PowerLevels, "", room.DrawPowerLevels(state, [.. others, sender], _world.Random)),
            5 => (EventTypes.JoinRules, "", """{"join_rule":"invite"}"""),
            6 => ("m.test", sender.Value, $$"""{"n":{{_world.Random.Next(1000)}}}"""),
            _ => ("m.room.message", null, $$"""{"msgtype":"m.text","body":"evil {{_world.Random.Next(100_000)}}"}"""),
        };
    }

    /// <summary>A transaction, mostly.</summary>
    private byte[] Transaction(List<byte[]> pdus)
    {
        var list = string.Join(',', pdus.Select(pdu => Encoding.UTF8.GetString(pdu)));
        return Utf8(_world.Random.Next(20) switch
        {
            0 => $$"""{"origin":"somebody.else","origin_server_ts":1,"pdus":[{{list}}]}""",
            1 => $$"""{"origin":"{{Name}}","pdus":{ } }""",
            2 when pdus.Count > 0 =>
                $$"""{"origin":"{{Name}}","pdus":[{{string.Join(',', Enumerable.Repeat(Encoding.UTF8.GetString(pdus[0]), 51))}}]}""",
            3 => $$"""{"origin":"{{Name}}","pdus":[{{list}}""",
            4 => $$"""{"origin":"{{Name}}","pdus":[7,null,"x",[],{ },{"room_id":7},{"room_id":"!a:b"}]}""",
            5 => $$"""{"origin":"{{Name}}","edus":[7,{"edu_type":7},{"edu_type":"m.typing","content":[]}],"pdus":[{{list}}]}""",
            6 => string.Concat(Enumerable.Repeat("[", 150)),
            7 => $$"""{"origin":"{{Name}}","pdus":[],"pdus":[{{list}}]}""",
            _ => $$"""{"origin":"{{Name}}","origin_server_ts":1,"pdus":[{{list}}]}""",
        });
    }

    /// <summary>PDUs before those that are asked for: all of them, some, or none.</summary>
    private byte[] Missing(WireRequest request)
    {
        var found = new List<string>();
        using var body = JsonDocument.Parse(request.Content);
        foreach (var latest in body.RootElement.GetProperty("latest_events").EnumerateArray())
        {
            if (Find(latest.GetString()!) is not { } pdu)
                continue;
            foreach (var prevEvent in JsonNode.Parse(pdu)!["prev_events"]!.AsArray())
            {
                var id = prevEvent is JsonArray pair ? pair[0]!.GetValue<string>() : prevEvent!.GetValue<string>();
                if (Find(id) is { } earlier && (IsTame || _world.Chance(70)))
                    found.Add(Text(earlier));
            }
        }
        return Utf8($$"""{"events":[{{string.Join(',', found)}}]}""");
    }

    private byte[]? Find(string eventId) =>
        EventId.TryParse(Uri.UnescapeDataString(eventId), out var id) ? _made.GetValueOrDefault(id) : null;

    public byte[] KeyDocument(long validUntilMs) => SimulatedNotary.SignedDocument(Name, _identity.Key, [], validUntilMs);

    private byte[] Garbage() => _world.Draw<byte[]>(
        [[], "{"u8.ToArray(), "[]"u8.ToArray(), "{}"u8.ToArray(), """{"pdus":7,"events":7}"""u8.ToArray(), [0xFF, 0xFE]]);

    private ServerSigningKey MakeKey(string keyId)
    {
        var seed = new byte[32];
        _world.Random.NextBytes(seed);
        return ServerSigningKey.FromSeed(KeyId.Parse(keyId), seed);
    }

    private static Task<WireAnswer> Answer(int status, byte[] body) => Task.FromResult(new WireAnswer(status, body));

    private static string Text(byte[] utf8) => Encoding.UTF8.GetString(utf8);

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
