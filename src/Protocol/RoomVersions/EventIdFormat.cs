namespace Matrix.EventSourced.Protocol.RoomVersions;

/// <summary>Where the id of a PDU comes from.</summary>
/// <remarks>Spec: v1.19 rooms/v1 #event-ids, rooms/v3 #event-ids, rooms/v4 #event-ids.</remarks>
public enum EventIdFormat
{
    /// <summary><c>$opaque:server</c>, chosen by the sending server and carried in the PDU.</summary>
    Chosen,

    /// <summary><c>$</c> and the reference hash in unpadded standard base64; may hold <c>/</c> and <c>+</c>.</summary>
    HashBase64,

    /// <summary><c>$</c> and the reference hash in unpadded URL-safe base64.</summary>
    HashBase64Url,
}
