using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Projections.EduServer;
using Matrix.EventSourced.Protocol.Identifiers;
using Names = Matrix.EventSourced.Facts.FactNames;

namespace Matrix.EventSourced.Projections.FedSender;

/// <summary>To whom the EDUs of a fact go. Exactly one of the three is set.</summary>
/// <remarks>Shape: Room, all servers joined to it; SharersOf, all servers that share a room with the user; Server, that
/// one. Subject, where only the latest counts: what an earlier fact of the same subject said is replaced.</remarks>
public sealed record EduAudience(
    EduWorth Worth,
    string? Room = null,
    string? SharersOf = null,
    string? Server = null,
    string? Subject = null)
{
    /// <summary>The stored names of facts that become EDUs.</summary>
    public static readonly IReadOnlyList<string> FactNames =
    [
        Names.TypingChanged,
        Names.ReceiptRecorded,
        Names.PresenceChanged,
        Names.ToDeviceSent,
        Names.DeviceListUpdated,
        Names.CrossSigningKeysChanged,
    ];

    /// <summary>Null for a fact that concerns no other server: one about another server's user, or a private
    /// receipt.</summary>
    public static EduAudience? Of(IFact fact, string us) => fact switch
    {
        TypingChanged typing when IsOurs(typing.UserId, us) =>
            new(EduWorth.Fleeting, Room: typing.RoomId.Value),
        ReceiptRecorded { Type: ReceiptTypes.Read } receipt when IsOurs(receipt.UserId, us) =>
            new(
                EduWorth.Latest,
                Room: receipt.RoomId.Value,
                Subject: $"{receipt.RoomId.Value}\n{receipt.UserId.Value}\n{receipt.ThreadId}"),
        PresenceChanged presence when IsOurs(presence.UserId, us) =>
            new(EduWorth.Latest, SharersOf: presence.UserId.Value, Subject: presence.UserId.Value),
        ToDeviceSent sent when IsOurs(sent.Sender, us) && !IsOurs(sent.Recipient, us) =>
            new(EduWorth.Kept, Server: sent.Recipient.Server.Value),
        DeviceListUpdated updated when IsOurs(updated.UserId, us) => new(
            EduWorth.Latest, SharersOf: updated.UserId.Value, Subject: $"{updated.UserId.Value}\ndevices"),
        CrossSigningKeysChanged { IsPrivate: false } changed when IsOurs(changed.UserId, us) => new(
            EduWorth.Latest, SharersOf: changed.UserId.Value, Subject: $"{changed.UserId.Value}\nkeys"),
        _ => null,
    };

    private static bool IsOurs(UserId user, string us) => user.Server.Value == us;
}

/// <summary>What an EDU is still worth to a server that is away.</summary>
public enum EduWorth
{
    /// <summary>Nothing: typing.</summary>
    Fleeting,

    /// <summary>The latest of its subject: receipts, presence; device lists and signing keys, since who misses an
    /// update of those asks for all.</summary>
    Latest,

    /// <summary>All: what gets lost is lost for good.</summary>
    Kept,
}
