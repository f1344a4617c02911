namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>The memberships of the spec, as the tables store them. The numbers are stored: never change them.</summary>
/// <remarks>Spec: v1.19 client-server-api #room-membership.</remarks>
public enum Membership : short
{
    Leave = 0,
    Join = 1,
    Invite = 2,
    Knock = 3,
    Ban = 4,
}

/// <summary>The spec's words for memberships.</summary>
public static class Memberships
{
    public static Membership? Find(string? word) => word switch
    {
        "join" => Membership.Join,
        "invite" => Membership.Invite,
        "leave" => Membership.Leave,
        "ban" => Membership.Ban,
        "knock" => Membership.Knock,
        _ => null,
    };

    public static string Word(Membership membership) => membership switch
    {
        Membership.Join => "join",
        Membership.Invite => "invite",
        Membership.Ban => "ban",
        Membership.Knock => "knock",
        _ => "leave",
    };
}
