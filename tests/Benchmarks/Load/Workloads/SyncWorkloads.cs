using System.Diagnostics;

namespace Matrix.EventSourced.Benchmarks.Load.Workloads;

/// <summary>One user in fifty rooms of forty messages, as the peers were measured.</summary>
internal static class SyncWorkloads
{
    private const int Rooms = 50;
    private const int MessagesPerRoom = 40;
    private const int SetUpConnections = 8;
    private const int RoundsMax = 30;

    private static Task<(MatrixClient User, IReadOnlyList<string> Rooms)>? s_member;

    public static async Task<IReadOnlyList<LoadRow>> InitialAsync(World world, Runner runner)
    {
        var (user, _) = await MemberAsync(world);
        return [await runner.ClosedAsync("initial sync, 50 rooms", 1, _ => user.SyncAsync(null, 0))];
    }

    public static async Task<IReadOnlyList<LoadRow>> EmptyAsync(World world, Runner runner)
    {
        var (user, _) = await MemberAsync(world);
        var since = await user.SyncPositionAsync();
        return [await runner.ClosedAsync("empty incremental sync", 1, _ => user.SyncAsync(since, 0))];
    }

    /// <summary>Only the syncs are timed; rate and CPU would count the messages between them, so they are left
    /// out.</summary>
    public static async Task<IReadOnlyList<LoadRow>> OneInEachAsync(World world, Runner runner)
    {
        var (user, rooms) = await MemberAsync(world);
        var since = await user.SyncPositionAsync();
        var row = await runner.MeasureAsync("sync, one new in each of 50 rooms", RoundsMax, async recorder =>
        {
            var begun = Stopwatch.GetTimestamp();
            while (!recorder.IsFull && Stopwatch.GetElapsedTime(begun) < runner.Options.Measured)
            {
                foreach (var roomId in rooms)
                    await MatrixClient.SetUpAsync(() => user.SendMessageAsync(roomId, World.Message));
                var startedAt = Stopwatch.GetTimestamp();
                var answer = await user.SyncAsync(since, 0);
                recorder.Add(startedAt, answer);
                if (answer.IsSuccess)
                    since = MatrixClient.Member(answer, "next_batch");
            }
        });
        const double None = double.NaN;
        return [row with { RatePerSecond = None, ServerCpu = None, OthersCpu = None, DriverCpu = None }];
    }

    private static Task<(MatrixClient User, IReadOnlyList<string> Rooms)> MemberAsync(World world) =>
        s_member ??= MakeMemberAsync(world);

    private static async Task<(MatrixClient User, IReadOnlyList<string> Rooms)> MakeMemberAsync(World world)
    {
        var user = await world.NewUserAsync("member");
        var rooms = new string[Rooms];
        for (var n = 0; n < Rooms; n++)
            rooms[n] = await user.MakeRoomAsync("private_chat");
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, SetUpConnections).Select(async _ =>
        {
            using var connection = world.Clone(user, world.Cancellation);
            int n;
            while ((n = Interlocked.Increment(ref next)) < Rooms * MessagesPerRoom)
                await MatrixClient.SetUpAsync(() => connection.SendMessageAsync(rooms[n % Rooms], World.Message));
        }));
        return (user, rooms);
    }
}
