using System.Diagnostics;
using System.Text.Json;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Hosting;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.EventSourced.Benchmarks.Scale;

/// <summary>Writes through the server's own commands, as many at once as share a flush well.</summary>
internal sealed class Maker(Homeserver server, HomeserverConfig config)
{
    private const int AtOnce = 256;

    private static readonly JsonElement Message = JsonElement.Parse(
        $$"""{"msgtype":"m.text","body":"{{new string('x', 80)}}"}""");

    private readonly IMediator _mediator = server.Services.GetRequiredService<IMediator>();
    private int _requests;

    public async Task MakeRoomAsync(int members, int changes)
    {
        var room = await CreateAsync(User(0), "large");
        await TimedAsync("joins", members, number => JoinAsync(room, User(number + 1)));
        await TimedAsync("changes of names", changes, number => RenameAsync(room, User((number % members) + 1), number));
        await LatencyAsync("one more join", 50, number => JoinAsync(room, User(members + number + 1)));
        await LatencyAsync("one message", 50, number => SendAsync(room, User(number)));
        Console.WriteLine($"resident {Resident()} MiB\nroom {room}");
    }

    public async Task MakeLogAsync(int pdus, int rooms)
    {
        var ids = new RoomId[rooms];
        await TimedAsync("rooms", rooms, async number => ids[number] = await CreateAsync(User(number % 100), null));
        await TimedAsync("messages", pdus, number => SendAsync(ids[number % rooms], User(number % rooms % 100)));
        Console.WriteLine($"resident {Resident()} MiB");
    }

    private UserId User(int number) => UserId.Parse($"@u{number:000000}:{config.ServerName}");

    private CommandContext ContextOf(UserId user) => new(
        new FactActor(User: user.Value, Device: "SCALE"),
        TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds(),
        $"scale-{Interlocked.Increment(ref _requests)}");

    private async Task<RoomId> CreateAsync(UserId creator, string? alias) => Value(await _mediator.Send(
        new CreateRoom(ContextOf(creator), creator)
        {
            Preset = RoomPreset.PublicChat, IsPublic = alias is not null, AliasLocalpart = alias, Name = "Large",
        }));

    private async Task JoinAsync(RoomId room, UserId user) =>
        Value(await _mediator.Send(new JoinRoom(ContextOf(user), user, room.Value, null, false)));

    private async Task RenameAsync(RoomId room, UserId user, int number) => Value(await _mediator.Send(new SendState(
        ContextOf(user),
        room,
        user,
        "m.room.member",
        user.Value,
        JsonElement.Parse($$"""{"membership":"join","displayname":"Name {{number}}"}"""))));

    private async Task SendAsync(RoomId room, UserId user) => Value(await _mediator.Send(
        new SendEvent(ContextOf(user), room, user, "m.room.message", Message, null)));

    private static T Value<T>(CommandResult<T> result) => result is CommandResult<T>.Done done
        ? done.Value
        : throw new InvalidOperationException(result.ToString());

    private static async Task TimedAsync(string what, int count, Func<int, Task> act)
    {
        if (count == 0)
            return;
        var began = Stopwatch.GetTimestamp();
        var next = -1;
        var workers = Enumerable.Range(0, Math.Min(AtOnce, count)).Select(async _ =>
        {
            await Task.Yield();
            for (var number = Interlocked.Increment(ref next); number < count; number = Interlocked.Increment(ref next))
            {
                await act(number);
                if (number % 50_000 == 49_999)
                    Console.WriteLine($"  {number + 1} {what} after {Stopwatch.GetElapsedTime(began).TotalSeconds:0} s");
            }
        });
        await Task.WhenAll(workers);
        var took = Stopwatch.GetElapsedTime(began);
        Console.WriteLine($"{count} {what} in {took.TotalSeconds:0.0} s, {count / took.TotalSeconds:0}/s");
    }

    private static async Task LatencyAsync(string what, int count, Func<int, Task> act)
    {
        var times = new List<double>(count);
        for (var number = 0; number < count; number++)
        {
            var began = Stopwatch.GetTimestamp();
            await act(number);
            times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }
        times.Sort();
        Console.WriteLine($"{what}: median {times[count / 2]:0.0} ms, slowest {times[^1]:0.0} ms");
    }

    private static long Resident()
    {
        using var self = Process.GetCurrentProcess();
        return self.WorkingSet64 >> 20;
    }
}
