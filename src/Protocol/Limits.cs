namespace Matrix.EventSourced.Protocol;

/// <summary>Every bound of the protocol and of this server, each with its source.</summary>
/// <remarks>Units: in the name (Bytes, Ms) or counts. Shape: a file per area; "ours" with the reason where the spec has
/// none.</remarks>
public static partial class Limits
{
    /// <summary>
    /// LIMIT: bytes of an identifier, a PDU's type, state_key, sender, room_id. Spec: client-server-api #size-limits.
    /// </summary>
    public const int IdentifierBytesMax = 255;

    /// <summary>
    /// LIMIT: bytes of a PDU in canonical federation form, signatures included. Spec: client-server-api #size-limits.
    /// </summary>
    public const int PduBytesMax = 65_536;

    /// <summary>LIMIT: prev_events of a PDU. Spec: server-server-api #pdus.</summary>
    public const int PrevEventsMax = 20;

    /// <summary>LIMIT: auth_events of a PDU. Spec: server-server-api #pdus.</summary>
    public const int AuthEventsMax = 10;

    /// <summary>LIMIT: PDUs and EDUs of one transaction. Spec: server-server-api #transactions.</summary>
    public const int TransactionPdusMax = 50;

    /// <inheritdoc cref="TransactionPdusMax"/>
    public const int TransactionEdusMax = 100;

    /// <summary>LIMIT: state PDUs that come with an invite or a knock. Ours: the spec names seven.</summary>
    public const int StrippedStateEntriesMax = 64;

    /// <summary>
    /// LIMIT: nesting of any JSON that we read. Ours: deep enough for every known event, shallow enough for the stack.
    /// </summary>
    public const int JsonDepthMax = 100;

    /// <summary>LIMIT: the largest integer of canonical JSON, 2^53 - 1. Spec: appendices #canonical-json.</summary>
    public const long CanonicalIntegerMax = 9_007_199_254_740_991;
}
