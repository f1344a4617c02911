using System.Text.Json;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.EventAuth;

namespace Matrix.EventSourced.Commands.Roomserver.Room;

/// <summary>Makes contents of member events. Spec: v1.19 client-server-api #mroommember.</summary>
internal static class MemberContent
{
    public static JsonElement Build(
        Membership membership, MemberProfile profile, string? reason =
            null, bool isDirect = false) => JsonContent.Build(json =>
    {
        if (profile.AvatarUrl is not null)
            json.WriteString("avatar_url"u8, profile.AvatarUrl);
        if (profile.DisplayName is not null)
            json.WriteString("displayname"u8, profile.DisplayName);
        if (isDirect)
            json.WriteBoolean("is_direct"u8, true);
        json.WriteString("membership"u8, TextOf(membership));
        if (reason is not null)
            json.WriteString("reason"u8, reason);
    });

    /// <summary>A content that a client wrote, with the profile where it says nothing about it, and without what only a
    /// server may say.</summary>
    public static JsonElement Complete(JsonElement content, MemberProfile profile)
    {
        var changes = new List<KeyValuePair<string, JsonElement>> { new(AuthorisedVia, default) };
        if (profile.AvatarUrl is not null && !content.TryGetProperty("avatar_url"u8, out _))
            changes.Add(new("avatar_url", JsonContent.String(profile.AvatarUrl)));
        if (profile.DisplayName is not null && !content.TryGetProperty("displayname"u8, out _))
            changes.Add(new("displayname", JsonContent.String(profile.DisplayName)));
        return JsonContent.With(content, changes);
    }

    /// <summary>The member whose server vouches for a restricted join. Spec: v1.19
    /// client-server-api #restricted-rooms.</summary>
    public const string AuthorisedVia = "join_authorised_via_users_server";

    private static ReadOnlySpan<byte> TextOf(Membership membership) => membership switch
    {
        Membership.Join => "join"u8,
        Membership.Invite => "invite"u8,
        Membership.Leave => "leave"u8,
        Membership.Ban => "ban"u8,
        Membership.Knock => "knock"u8,
        _ => throw new InvariantException("only known memberships are written"),
    };

    /// <summary>Whether two contents show the same name and picture.</summary>
    public static bool ShowsTheSame(JsonElement first, JsonElement second) =>
        first.StringOrNull("displayname") == second.StringOrNull("displayname")
        && first.StringOrNull("avatar_url") == second.StringOrNull("avatar_url");
}
