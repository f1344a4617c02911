namespace Matrix.EventSourced.Protocol.RoomVersions;

/// <summary>Which state resolution a room version uses.</summary>
/// <remarks>Spec: v1.19 rooms/v1 #state-resolution, rooms/v2 #state-resolution, rooms/v12 #state-resolution.</remarks>
public enum StateResolutionAlgorithm
{
    /// <summary>By depth and the SHA-1 of the event id.</summary>
    V1,

    /// <summary>By auth chains, reverse topological power order and mainline order.</summary>
    V2,

    /// <summary>As <see cref="V2"/>, from the empty state and with the conflicted state subgraph.</summary>
    V2Point1,
}
