using Matrix.EventSourced.Api.Http;

namespace Matrix.EventSourced.Api.ClientApi.Rooms;

/// <summary>All endpoints that write rooms, and those about aliases and the directory that read what is written
/// here.</summary>
internal static class RoomWritingModule
{
    public static void Map(EndpointTable table)
    {
        CreateRoomEndpoint.Map(table);
        UpgradeEndpoint.Map(table);
        JoinEndpoint.Map(table);
        JoinByIdEndpoint.Map(table);
        KnockEndpoint.Map(table);
        LeaveEndpoint.Map(table);
        ForgetEndpoint.Map(table);
        InviteEndpoint.Map(table);
        KickEndpoint.Map(table);
        BanEndpoint.Map(table);
        UnbanEndpoint.Map(table);
        SendEventEndpoint.Map(table);
        SendStateEndpoint.Map(table);
        RedactEndpoint.Map(table);
        ResolveAliasEndpoint.Map(table);
        CreateAliasEndpoint.Map(table);
        DeleteAliasEndpoint.Map(table);
        RoomAliasesEndpoint.Map(table);
        GetVisibilityEndpoint.Map(table);
        SetVisibilityEndpoint.Map(table);
    }
}
