namespace Matrix.EventSourced.Federation.RemoteRooms;

/// <summary>Bounds of what is asked of other servers while a client waits.</summary>
internal static class RemoteRoomsLimits
{
    /// <summary>LIMIT: how long one server is waited for before another is asked beside it. Ours: who is there answers
    /// within a second or two, and the slow one may still win.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);
}
