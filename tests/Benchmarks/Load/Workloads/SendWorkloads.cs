namespace Matrix.EventSourced.Benchmarks.Load.Workloads;

internal static class SendWorkloads
{
    private const int ManyRooms = 64;
    private const int OneRoomClients = 16;

    /// <summary>The members of the large room, as the join workload leaves it.</summary>
    public const int LargeRoomMembers = 100;
    public const string LargeRoom = "large";
    public const string SmallRoom = "small";

    public static async Task<IReadOnlyList<LoadRow>> OneClientAsync(World world, Runner runner)
    {
        var user = (await world.UsersAsync(1))[0];
        var roomId = await world.RoomAsync(SmallRoom, 2);
        return
        [
            await runner.ClosedAsync("send, 1 client, room of 2", 1, _ => user.SendMessageAsync(roomId, World.Message)),
        ];
    }

    public static async Task<IReadOnlyList<LoadRow>> ManyRoomsAsync(World world, Runner runner)
    {
        var users = await world.UsersAsync(ManyRooms);
        var rooms = await world.OwnRoomsAsync(ManyRooms);
        var closed = await runner.ClosedAsync("send, 64 clients, 64 rooms", ManyRooms, SendAsync);
        var rate = runner.Options.Rate ?? Math.Max(1, (int)(closed.RatePerSecond / 2));
        return [closed, await runner.OpenAsync($"send, 64 rooms, open loop {rate}/s", ManyRooms, rate, SendAsync)];

        ValueTask<HttpAnswer> SendAsync(int client) => users[client].SendMessageAsync(rooms[client], World.Message);
    }

    public static async Task<IReadOnlyList<LoadRow>> LargeRoomAsync(World world, Runner runner)
    {
        var roomId = await world.RoomAsync(LargeRoom, LargeRoomMembers);
        var user = (await world.UsersAsync(1))[0];
        return
        [
            await runner.ClosedAsync(
                "send, 1 client, room of 100", 1, _ => user.SendMessageAsync(roomId, World.Message)),
        ];
    }

    public static async Task<IReadOnlyList<LoadRow>> OneRoomAsync(World world, Runner runner)
    {
        var roomId = await world.RoomAsync(LargeRoom, LargeRoomMembers);
        var users = await world.UsersAsync(OneRoomClients);
        return
        [
            await runner.ClosedAsync(
                "send, 16 clients, one room of 100", OneRoomClients, client =>
                    users[client].SendMessageAsync(roomId, World.Message)),
        ];
    }
}
