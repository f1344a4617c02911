using System.Text.Json;
using Matrix.EventSourced.Commands.EduServer;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Simulation.Tests;

namespace Matrix.EventSourced.FederationSimulation.Tests;

/// <content>What clients do beside the rooms' events, and what is looked at on the way.</content>
internal sealed partial class FederationSimulation
{
    private readonly List<(SimulatedServer Server, SendToDevice Command)> _sentToDevice = [];
    private readonly List<(SimulatedServer Server, string Message)> _promisedToDevice = [];
    private readonly Dictionary<(UserId User, string Device), List<string>> _deviceToSeen = [];
    private int _messages;

    private void StartEduActs()
    {
        for (var i = _world.Random.Next(4); i > 0; i--)
            _acts.Add(_world.WatchedAsync(TryActAsync(ActByEduAsync)));
        if (_byzantine is not null && _world.Chance(15))
        {
            _acts.Add(_world.WatchedAsync(_byzantine.ActByEdusAsync(
                [.. _rooms.Values], [.. _servers.Select(server => server.Name)], [.. _servers.SelectMany(server => server.Users)])));
        }
    }

    private async Task ActByEduAsync()
    {
        var server = _world.Draw(_servers);
        if (server.Process is not { } process || _rooms.Count == 0)
            return;
        var room = DrawRoom(server);
        var user = DrawUser(server, room);
        var context = process.ContextOf(user);
        switch (_world.Random.Next(12))
        {
            case 0 or 1:
                var timeoutMs = _world.Draw([0, 1, 5_000, 30_000, 1_000_000]);
                Judge(server, process, $"{user} types in {room.RoomId} for {timeoutMs}", await process.SendAsync(
                    new SetTyping(context, room.RoomId, user, _world.Chance(80), timeoutMs)));
                break;
            case 2 or 3 or 4:
                await ReadAsync(server, process, room, user);
                break;
            case 5:
                var state = _world.Draw([PresenceState.Online, PresenceState.Unavailable, PresenceState.Offline]);
                Judge(server, process, $"{user} is {state}", await process.SendAsync(new SetPresence(
                    context, user, state, _world.Chance(40) ? $"status {_world.Random.Next(10)}" : null)));
                break;
            case 6:
                await PollAsync(process, user, _world.Draw([1_000, 30_000, 600_000, 4_000_000]));
                break;
            case 7 when _sentToDevice.Count > 0:
                // A client that does not know whether its request came.
                var (earlier, command) = _world.Draw(_sentToDevice);
                if (earlier.Process is { } again)
                    await SendToDeviceAsync(earlier, again, command);
                break;
            case 8:
                await SyncAsync(server, process, user, _world.Draw(SimulatedServer.Devices));
                break;
            case 9 when _byzantine is not null:
                var deny = _world.Chance(70) ? "\"evil.test\"" : "";
                await SetAsync(server, process, room, user, "m.room.server_acl", $$"""{"allow":["*"],"deny":[{{deny}}]}""");
                break;
            default:
                var drafted = DraftToDevice(process, user);
                _sentToDevice.Add((server, drafted));
                await SendToDeviceAsync(server, process, drafted);
                break;
        }
    }

    private async Task ReadAsync(SimulatedServer server, ServerProcess process, SharedRoom room, UserId user)
    {
        if (!server.Rooms.TryGetValue(room.RoomId, out var known) || known.Decided.Count == 0)
            return;
        var eventIds = known.Decided.Keys.ToList();
        var eventId = eventIds[^(1 + _world.Random.Next(Math.Min(eventIds.Count, 8)))];
        var kind = _world.Chance(25) ? ReceiptKinds.ReadPrivate : ReceiptKinds.Read;
        var thread = _world.Draw([null, null, "main", eventId.Value]);
        Judge(server, process, $"{user} has read {kind} {eventId} in {thread}", await process.SendAsync(new SetReadMarkers(
            process.ContextOf(user), room.RoomId, user, [new ReadMarker(kind, eventId, thread)])));
    }

    /// <summary>A client waits in its <c>/sync</c>.</summary>
    private async Task PollAsync(ServerProcess process, UserId user, long milliseconds)
    {
        var poll = await process.Find<PresenceTracker>().PollAsync(
            user, _world.Draw([PresenceState.Online, PresenceState.Online, PresenceState.Unavailable]));
        await _world.WaitAsync(milliseconds);
        if (!process.IsDead)
            poll?.Dispose();
    }

    private SendToDevice DraftToDevice(ServerProcess process, UserId user)
    {
        var recipients = new List<ToDeviceRecipient>();
        var users = _servers.SelectMany(one => one.Users).Concat(_byzantine?.Users ?? []).ToList();
        foreach (var recipient in Enumerable.Range(0, 1 + _world.Random.Next(3)).Select(_ => _world.Draw(users)).Distinct())
        {
            var content = new RawJson(System.Text.Encoding.UTF8.GetBytes($$"""{"n":{{++_messages}}}"""));
            recipients.Add(new(recipient, [new(_world.Draw(["*", "DEVICE", "OTHER", "NONE"]), content)]));
        }
        return new SendToDevice(
            process.ContextOf(user), new TransactionKey(user, "DEVICE", "sendToDevice/m.test", $"to{_messages}"), "m.test", recipients);
    }

    private async Task SendToDeviceAsync(SimulatedServer server, ServerProcess process, SendToDevice command)
    {
        var answer = await process.SendAsync(command);
        var messages = command.Recipients.Select(recipient => $"{recipient.UserId} {recipient.Messages[0].Content}").ToList();
        Judge(server, process, $"{command.Transaction.UserId} sends {string.Join(", ", messages)}", answer);
        if (answer is CommandResult<MediatR.Unit>.Done)
            _promisedToDevice.AddRange(messages.Select(message => (server, message)));
    }

    /// <summary>A device gets some of what waits for it, and says so by its next <c>/sync</c>.</summary>
    private async Task SyncAsync(SimulatedServer server, ServerProcess process, UserId user, string device)
    {
        var pending = await process.Edus.PendingAsync(user, device);
        if (pending.Count == 0)
            return;
        var upTo = pending[_world.Random.Next(pending.Count)].Key;
        await process.Find<ToDeviceBook>().AcknowledgeAsync(user, device, upTo, process.ContextOf(user));
        if (!_deviceToSeen.TryGetValue((user, device), out var seen))
            _deviceToSeen[(user, device)] = seen = [];
        seen.AddRange(pending.Where(message => message.Key <= upTo).Select(message => message.Value).Except(seen));
        _world.Say($"{server.Name}: {device} of {user} has what came up to {upTo}");
    }

    private SimulatedServer? Find(ServerName name) => _servers.Find(server => server.Name == name);

    private async Task LeavesAsync(WireRequest request)
    {
        if (!request.IsTransaction || Find(request.Origin) is not { } sender)
            return;
        await sender.Watch.CatchUpAsync();
        foreach (var edu in EdusOf(request))
        {
            _world.Mention($"{request.Origin} tells {request.Destination}: {edu.GetRawText()}");
            sender.Watch.Leaves(request.Destination, edu);
        }
    }

    private async Task AnsweredAsync(WireRequest request, WireAnswer answer)
    {
        if (!request.IsTransaction || answer.Status != 200 || Find(request.Origin) is not { } sender)
            return;
        var receiver = Find(request.Destination);
        if (receiver is not null)
            await receiver.Watch.CatchUpAsync();
        // What a process is asked again it has decided on before.
        var isNew = receiver?.Process?.Taken.Add((request.Origin, request.Uri)) == true;
        foreach (var edu in EdusOf(request))
        {
            sender.Watch.Delivered(request.Destination, edu);
            if (isNew)
                receiver!.Watch.Came(request.Origin, edu);
        }
    }

    private static IEnumerable<JsonElement> EdusOf(WireRequest request) =>
        JsonElement.Parse(request.Content.Span).GetProperty("edus").EnumerateArray();

    /// <summary>The FedSender sends to those who are in the room.</summary>
    private void CheckHosts(SimulatedServer server)
    {
        if (server.Tables.IsBehind)
            return;
        foreach (var room in _rooms.Keys)
        {
            var known = server.Tables.Deliveries.InRoom(room).Where(host => host != server.Name).ToHashSet();
            if (!known.SetEquals(server.Watch.HostsOf(room)))
            {
                throw new SimulationFailure($"{server.Name} sends what is in {room} to [{string.Join(", ", known)}] where"
                    + $" [{string.Join(", ", server.Watch.HostsOf(room))}] are in it");
            }
        }
    }

    /// <summary>What has come of another server's messages to devices is the beginning of what it sent, each once.</summary>
    private async Task CheckToDeviceAsync(SimulatedServer server)
    {
        await server.Watch.CatchUpAsync();
        await server.Tables.ReadHeadAsync();
        CheckHosts(server);
        foreach (var (origin, got) in server.Watch.Got)
        {
            if (Find(origin) is not { } sender)
                continue;
            await sender.Watch.CatchUpAsync();
            var sent = sender.Watch.Sent.GetValueOrDefault(server.Name) ?? [];
            if (!got.SequenceEqual(sent.Take(got.Count)))
            {
                throw new SimulationFailure($"{server.Name} has of {origin}:\n{string.Join('\n', got)}\nwhere this was sent:\n"
                    + string.Join('\n', sent));
            }
        }
        foreach (var (_, message) in _promisedToDevice.Where(promised => promised.Server == server))
        {
            if (!server.Watch.ToDevice.Contains(message))
                throw new SimulationFailure($"{server.Name} said that it sent {message}, and has not recorded it");
        }
    }

    /// <summary>Whoever stays is soon seen as they are by every server that shares a room with them.</summary>
    private async Task CheckPresenceAsync()
    {
        var polls = new List<IDisposable?>();
        foreach (var server in _servers)
        {
            if (_world.Chance(60))
            {
                polls.Add(await server.Process!.Find<PresenceTracker>()
                    .PollAsync(server.Users[0], PresenceState.Online));
            }
        }
        await _world.WaitAsync(Protocol.Limits.PresenceRemoteMs + 600_000);
        foreach (var server in _servers)
        {
            foreach (var user in server.Users)
            {
                var truth = await PresenceOfAsync(server, user);
                foreach (var other in _servers.Where(other => other != server && SeesIn(other, user, server)))
                {
                    if (await PresenceOfAsync(other, user) is var seen && seen != truth)
                        throw new SimulationFailure($"{user} is {truth}, and {seen} on {other.Name}");
                }
            }
        }
        foreach (var poll in polls)
            poll?.Dispose();
        await QuietAsync();
    }

    /// <summary>Whether both see each other's users in a room.</summary>
    private bool SeesIn(SimulatedServer other, UserId user, SimulatedServer server) => _rooms.Keys.Any(room =>
        server.Watch.IsJoined(room, user) && other.Watch.IsJoined(room, user)
        && other.Users.Any(one => server.Watch.IsJoined(room, one) && other.Watch.IsJoined(room, one)));

    private static async Task<PresenceState> PresenceOfAsync(SimulatedServer server, UserId user)
    {
        var head = await server.Tables.ReadHeadAsync();
        server.Tables.ApplyEdus(head);
        return server.Tables.Edus.Presence.GetValueOrDefault(user)?.Presence ?? PresenceState.Offline;
    }

    /// <summary>The end: nobody types, nobody is there; messages and receipts are where they belong; and tables that are made
    /// again send nothing again.</summary>
    private async Task CheckEdusAsync()
    {
        foreach (var server in _servers)
        {
            await CheckToDeviceAsync(server);
            server.Tables.ApplyEdus(await server.Tables.ReadHeadAsync());
            var tables = server.Tables.Edus;
            if (tables.Typing.Count > 0)
                throw new SimulationFailure($"on {server.Name} {tables.Typing.First()} types for ever");
            if (tables.Presence.Values.FirstOrDefault(one => one.Presence != PresenceState.Offline) is { } present)
                throw new SimulationFailure($"on {server.Name} {present} is there for ever");
            if (server.Watch.FindUndelivered(name => Find(name) is not null) is var (destination, key))
                throw new SimulationFailure($"{server.Name} never told {destination}: {key}");
            foreach (var (to, sent) in server.Watch.Sent)
            {
                if (Find(to) is { } receiver && receiver.Watch.Got.GetValueOrDefault(server.Name)?.Count != sent.Count)
                    throw new SimulationFailure($"{to} has {receiver.Watch.Got.GetValueOrDefault(server.Name)?.Count} messages of {server.Name}, not {sent.Count}");
            }
            foreach (var ((room, user, thread), (ts, eventIds)) in server.Watch.Brought)
            {
                if (tables.Receipts.GetValueOrDefault((room, user, "m.read", thread)) is not { } known
                    || known.Ts < ts || (known.Ts == ts && !eventIds.Contains(known.EventId.Value)))
                {
                    throw new SimulationFailure($"{server.Name} was told that {user} has read {room} up to {string.Join(" or ", eventIds)}"
                        + $" ({thread}, {ts}), and knows {tables.Receipts.GetValueOrDefault((room, user, "m.read", thread))}");
                }
            }
        }
        await CheckDevicesAsync();
        await CheckReplayAsync();
    }

    /// <summary>Each device has got each message once.</summary>
    private async Task CheckDevicesAsync()
    {
        foreach (var server in _servers)
        {
            foreach (var user in server.Users)
            {
                foreach (var device in SimulatedServer.Devices)
                {
                    var pending = (await server.Process!.Edus.PendingAsync(user, device)).ConvertAll(message => message.Value);
                    var seen = _deviceToSeen.GetValueOrDefault((user, device)) ?? [];
                    if (seen.Intersect(pending).FirstOrDefault() is { } twice)
                        throw new SimulationFailure($"{device} of {user} gets {twice} twice");
                }
            }
        }
    }

    private async Task CheckReplayAsync()
    {
        var before = _network.Transactions;
        foreach (var server in _servers.Where(server => server.Process!.Log.Failures == 0))
        {
            server.Crash();
            server.Tables.RebuildDeliveries(_world.Random);
            await server.StartAsync();
        }
        await QuietAsync();
        if (_network.Transactions != before)
            throw new SimulationFailure("tables that were made again have sent something again");
    }
}
