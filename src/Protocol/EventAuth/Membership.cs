using System.Text.Json;
using Matrix.EventSourced.Protocol.Pdus;

namespace Matrix.EventSourced.Protocol.EventAuth;

/// <summary>The membership of a user in a room.</summary>
/// <remarks>Spec: v1.19 client-server-api #mroommember.</remarks>
public enum Membership
{
    /// <summary>No member PDU at all: like <see cref="Leave"/>, except that nobody was ever here.</summary>
    None,
    Join,
    Invite,
    Leave,
    Ban,
    Knock,

    /// <summary>A value that no rule knows.</summary>
    Unknown,
}

/// <summary>Reads a membership out of a member PDU's content without making a string.</summary>
/// <remarks>Spec: v1.19 client-server-api #mroommember. Errors: none; what is no membership reads as none. Cost: no
/// allocation.</remarks>
public static class MembershipParser
{
    public static Membership Of(Pdu? member) => member is null ? Membership.None : Of(member.Content);

    public static Membership Of(JsonElement content)
    {
        if (!content.TryFind("membership"u8, out var membership) || membership.ValueKind != JsonValueKind.String)
            return Membership.Unknown;
        if (membership.ValueEquals("join"u8))
            return Membership.Join;
        if (membership.ValueEquals("invite"u8))
            return Membership.Invite;
        if (membership.ValueEquals("leave"u8))
            return Membership.Leave;
        if (membership.ValueEquals("ban"u8))
            return Membership.Ban;
        return membership.ValueEquals("knock"u8) ? Membership.Knock : Membership.Unknown;
    }
}
