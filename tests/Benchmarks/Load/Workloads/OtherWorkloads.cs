using System.Diagnostics;

namespace Matrix.EventSourced.Benchmarks.Load.Workloads;

internal static class OtherWorkloads
{
    private const int WhoamiClients = 16;
    private const int RoomsMax = 200;

    public static async Task<IReadOnlyList<LoadRow>> WhoamiAsync(World world, Runner runner)
    {
        var users = await world.UsersAsync(WhoamiClients);
        return
        [
            await runner.ClosedAsync(
                "whoami, 16 clients", WhoamiClients, client =>
                    users[client].GetAsync("/_matrix/client/v3/account/whoami")),
        ];
    }

    public static async Task<IReadOnlyList<LoadRow>> CreateRoomAsync(World world, Runner runner)
    {
        // A user of its own: rooms made here must not weigh on anybody's sync.
        using var user = await world.NewUserAsync("founder");
        var row = await runner.MeasureAsync("create room", RoomsMax, async recorder =>
        {
            var begun = Stopwatch.GetTimestamp();
            while (!recorder.IsFull && Stopwatch.GetElapsedTime(begun) < runner.Options.Measured)
            {
                var startedAt = Stopwatch.GetTimestamp();
                recorder.Add(startedAt, await user.CreateRoomAsync("private_chat"));
            }
        });
        return [row];
    }

    public static async Task<IReadOnlyList<LoadRow>> JoinAsync(World world, Runner runner)
    {
        var users = await world.UsersAsync(SendWorkloads.LargeRoomMembers);
        var roomId = await users[0].MakeRoomAsync("public_chat");
        var row = await runner.SequenceAsync(
            "join, room growing to 100", SendWorkloads.LargeRoomMembers - 1, n => users[n + 1].JoinAsync(roomId));
        if (row.Errors == 0)
            world.NoteMembers(SendWorkloads.LargeRoom, roomId, SendWorkloads.LargeRoomMembers);
        return [row];
    }

    public static async Task<IReadOnlyList<LoadRow>> MessagesAsync(World world, Runner runner)
    {
        const int Messages = 200;
        var user = (await world.UsersAsync(1))[0];
        var roomId = await user.MakeRoomAsync("private_chat");
        for (var n = 0; n < Messages; n++)
            await MatrixClient.SetUpAsync(() => user.SendMessageAsync(roomId, World.Message));
        var target = $"{MatrixClient.RoomPath(roomId)}/messages?dir=b&limit=100";
        return [await runner.ClosedAsync("/messages, 100 PDUs", 1, _ => user.GetAsync(target))];
    }

    public static async Task<IReadOnlyList<LoadRow>> MembersAsync(World world, Runner runner)
    {
        var roomId = await world.RoomAsync(SendWorkloads.LargeRoom, SendWorkloads.LargeRoomMembers);
        var user = (await world.UsersAsync(1))[0];
        var target = $"{MatrixClient.RoomPath(roomId)}/members";
        return [await runner.ClosedAsync("/members, 100 members", 1, _ => user.GetAsync(target))];
    }
}
