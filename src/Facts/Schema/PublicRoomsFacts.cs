namespace Matrix.EventSourced.Facts.Schema;

internal static class PublicRoomsFacts
{
    public static readonly IReadOnlyList<FactDescription> Rows =
    [
        FactDescription.Of(
            FactNames.RoomVisibilityChanged,
            StreamCategories.Directory,
            FactJson.Context.RoomVisibilityChanged,
            "A room was listed in, or taken off, the public directory.",
            "Show the room in the public directory exactly while the last fact says `is_public`.",
            new("room_id", "room id", "The room."),
            new("is_public", "boolean?", "Whether it is listed; absent means false."),
            new("changed_by", "user id", "Who changed it.")),
    ];
}
