namespace Matrix.EventSourced.Benchmarks.Load.Workloads;

/// <summary>One thing that users do, done over and over.</summary>
/// <param name="Name">How the command line names it.</param>
/// <param name="What">What one operation is.</param>
/// <param name="RunAsync">Makes what it needs, and measures.</param>
internal sealed record Workload(string Name, string What, Func<World, Runner, Task<IReadOnlyList<LoadRow>>> RunAsync)
{
    /// <summary>In the order in which they run: later ones use the rooms of earlier ones.</summary>
    public static readonly IReadOnlyList<Workload> All =
    [
        new("whoami", "GET account/whoami, 16 clients", OtherWorkloads.WhoamiAsync),
        new("send", "send a message, one client, room of 2", SendWorkloads.OneClientAsync),
        new("create-room", "create a private room, one client", OtherWorkloads.CreateRoomAsync),
        new("send-64", "send, 64 clients in 64 rooms, closed and open loop", SendWorkloads.ManyRoomsAsync),
        new("join", "join a public room that grows to 100", OtherWorkloads.JoinAsync),
        new("send-room-100", "send, one client, room of 100", SendWorkloads.LargeRoomAsync),
        new("send-one-room", "send, 16 clients in one room of 100", SendWorkloads.OneRoomAsync),
        new("fanout", "send until another user's long poll shows it", FanOutWorkload.OneListenerAsync),
        new("fanout-20", "the same with 20 listeners in the room", FanOutWorkload.TwentyListenersAsync),
        new("sync-initial", "first sync of a user in 50 rooms of 40 messages", SyncWorkloads.InitialAsync),
        new("sync-each", "sync after one new message in each of 50 rooms", SyncWorkloads.OneInEachAsync),
        new("sync-empty", "incremental sync that finds nothing", SyncWorkloads.EmptyAsync),
        new("messages", "/messages backwards, 100 PDUs", OtherWorkloads.MessagesAsync),
        new("members", "/members of a room of 100", OtherWorkloads.MembersAsync),
    ];
}
