using System.Text.Json;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Simulation.Tests;
using MediatR;

namespace Matrix.EventSourced.FederationSimulation.Tests;

/// <content>What clients do.</content>
internal sealed partial class FederationSimulation
{
    private int _bodies;

    private async Task CreateRoomAsync(SimulatedServer server)
    {
        if (server.Process is not { } process)
            return;
        var versions = RoomVersionRules.All;
        var version = versions[(_world.Seed + (_rooms.Count * 5)) % versions.Count].Version;
        var creator = _world.Draw(server.Users);
        var answer = await process.SendAsync(new CreateRoom(process.ContextOf(creator), creator)
        {
            RoomVersion = version,
            Preset = _world.Chance(70) ? RoomPreset.PublicChat : RoomPreset.PrivateChat,
            PowerLevelContentOverride = DrawFirstPowers(creator, version),
        });
        Judge(server, process, $"{creator} creates a room of version {version}", answer);
        await CheckAsync();
    }

    /// <summary>A client whose server dies gets no answer at all.</summary>
    private async Task TryActAsync(Func<Task> act)
    {
        try
        {
            await act();
        }
        catch (EventStoreException) when (_faults > 0)
        {
            _world.Say("a client got no answer");
        }
    }

    private async Task ActAsync()
    {
        var server = _world.Draw(_servers);
        if (server.Process is not { } process)
            return;
        if (_rooms.Count < 4 && _world.Chance(3))
        {
            await CreateRoomAsync(server);
            return;
        }
        var room = DrawRoom(server);
        var users = _servers.SelectMany(one => one.Users).Concat(_byzantine?.Users ?? []).ToList();
        var (user, other) = (DrawUser(server, room), _world.Draw(users));
        var context = process.ContextOf(user);
        var roomId = room.RoomId;
        var via = _servers.Where(one => one != server && one.Rooms.ContainsKey(roomId)).Select(one => one.Name).ToList();
        switch (_world.Random.Next(26))
        {
            case <= 5:
                await SendAsync(server, process, new SendEvent(
                    context, roomId, user, "m.room.message", Json($$"""{"msgtype":"m.text","body":"{{++_bodies}}"}"""),
                    new TransactionKey(user, "DEVICE", "send/m.room.message", $"txn{_bodies}")), roomId, $"{user} sends {_bodies}");
                break;
            case 6 or 7 or 8 or 9:
                Judge(server, process, $"{user} joins {roomId}", await process.SendAsync(
                    new JoinRoom(context, user, roomId.Value, null) { Via = via }));
                break;
            case 10:
                Judge(server, process, $"{user} leaves {roomId}", await process.SendAsync(new LeaveRoom(context, roomId, user, null)));
                break;
            case 11 or 12:
                Judge(server, process, $"{user} invites {other} to {roomId}", await process.SendAsync(
                    new InviteUser(context, roomId, user, other, null)));
                break;
            case 13:
                Judge(server, process, $"{user} kicks {other}", await process.SendAsync(
                    new KickUser(context, roomId, user, other, "out")));
                break;
            case 14:
                Judge(server, process, $"{user} bans {other}", await process.SendAsync(
                    new BanUser(context, roomId, user, other, null)));
                break;
            case 15:
                Judge(server, process, $"{user} unbans {other}", await process.SendAsync(
                    new UnbanUser(context, roomId, user, other, null)));
                break;
            case 16:
                Judge(server, process, $"{user} knocks on {roomId}", await process.SendAsync(
                    new KnockOnRoom(context, user, roomId.Value, null) { Via = via }));
                break;
            case 17 or 18:
                await SetAsync(server, process, room, user, EventTypes.Topic, $$"""{"topic":"{{_world.Random.Next(1000)}}"}""");
                break;
            case 19 or 20 when server.Rooms.TryGetValue(roomId, out var known) && known.Current.Count > 0:
                await SetAsync(server, process, room, user, EventTypes.PowerLevels, room.DrawPowerLevels(known.Current, users, _world.Random));
                break;
            case 21:
                await SetAsync(server, process, room, user, EventTypes.JoinRules, DrawJoinRule(room));
                break;
            case 22:
                await SetAsync(server, process, room, user, EventTypes.HistoryVisibility, _world.Draw([
                    """{"history_visibility":"joined"}""", """{"history_visibility":"shared"}""",
                    """{"history_visibility":"world_readable"}""", """{"history_visibility":"invited"}"""]));
                break;
            case 23 when room.Oracle.All.Count > 0:
                // A redacted access control keeps everybody out.
                var drawn = _world.Draw(room.Oracle.All).Pdu;
                var target = drawn.Type == EventTypes.ServerAcl ? room.Oracle.All[0].Pdu.EventId : drawn.EventId;
                await SendAsync(server, process, new RedactEvent(
                    context, roomId, user, target.Value, "spam",
                    new TransactionKey(user, "DEVICE", $"redact/{target}", $"txn{++_bodies}")), roomId, $"{user} redacts {target}");
                break;
            default:
                await process.BackfillAsync(user, roomId, 20);
                break;
        }
    }

    /// <summary>Several servers have users who may do something.</summary>
    private JsonElement DrawFirstPowers(UserId creator, string version)
    {
        var users = new System.Text.Json.Nodes.JsonObject();
        foreach (var user in _servers.SelectMany(server => server.Users).Where(user => user != creator && _world.Chance(40)))
            users[user.Value] = _world.Draw([50, 50, 100]);
        if (!RoomVersionRules.Find(version)!.CreatorsHaveInfinitePower)
            users[creator.Value] = 100;
        return Json($$"""{"users":{{users.ToJsonString()}},"invite":0}""");
    }

    /// <summary>Mostly a room that the server is in.</summary>
    private SharedRoom DrawRoom(SimulatedServer server)
    {
        var known = _rooms.Values.Where(room => server.Rooms.TryGetValue(room.RoomId, out var checker)
            && checker.IsResident(server.Name)).ToList();
        return _world.Draw(known.Count > 0 && _world.Chance(70) ? known : [.. _rooms.Values]);
    }

    /// <summary>Mostly somebody who is in the room.</summary>
    private UserId DrawUser(SimulatedServer server, SharedRoom room)
    {
        var joined = server.Users.Where(user => server.Rooms.TryGetValue(room.RoomId, out var checker)
            && room.Oracle.Get(checker.Current, AuthTuples.Member(user.Value))?.Membership == "join").ToList();
        return _world.Draw(joined.Count > 0 && _world.Chance(80) ? joined : server.Users);
    }

    private string DrawJoinRule(SharedRoom room)
    {
        var allowed = _world.Draw(_rooms.Keys.ToList());
        return _world.Random.Next(8) switch
        {
            0 => """{"join_rule":"invite"}""",
            1 or 2 when room.Rules.Knocking => """{"join_rule":"knock"}""",
            3 or 4 or 5 when room.Rules.RestrictedJoins =>
                $$"""{"join_rule":"restricted","allow":[{"type":"m.room_membership","room_id":"{{allowed}}"}]}""",
            _ => """{"join_rule":"public"}""",
        };
    }

    private Task SetAsync(SimulatedServer server, ServerProcess process, SharedRoom room, UserId user, string type, string content) =>
        SendAsync(
            server,
            process,
            new SendState(process.ContextOf(user), room.RoomId, user, type, "", Json(content)),
            room.RoomId,
            $"{user} sets {type} of {room.RoomId} to {content}");

    private async Task SendAsync(
        SimulatedServer server, ServerProcess process, ICommand<EventId> command, RoomId roomId, string what)
    {
        var answer = await process.SendAsync(command);
        Judge(server, process, what, answer);
        if (answer is CommandResult<EventId>.Done done)
            _acknowledged.Add((server, roomId, done.Value));
    }

    private void Judge<T>(SimulatedServer server, ServerProcess process, string what, CommandResult<T> answer)
    {
        _world.Say($"{server.Name}: {what}: {Describe(answer)}");
        if (answer is not CommandResult<T>.Refused { Error: { } error })
            return;
        if (error.Status == 500)
            throw new SimulationFailure($"{what} was answered {error}");
        if (error.Status == 503 && process is { IsDead: false, Log.Failures: 0 } && error.Detail != "conflicts")
            throw new SimulationFailure($"{what} was answered {error} where nothing had failed");
    }

    private static string Describe<T>(CommandResult<T> answer) => answer switch
    {
        CommandResult<T>.Done { Value: Unit } => "done",
        CommandResult<T>.Done done => $"done, {done.Value}",
        CommandResult<T>.Refused { Error: var error } => $"{error.Status} {error.ErrCode} {error.Message} {error.Detail}",
        _ => throw new InvalidOperationException("Not an answer."),
    };

    private static JsonElement Json(string text) => JsonElement.Parse(text);
}
