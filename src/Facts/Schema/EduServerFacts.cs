namespace Matrix.EventSourced.Facts.Schema;

internal static class EduServerFacts
{
    private static readonly FactField RoomId = new("room_id", "room id", "The room.");

    public static readonly IReadOnlyList<FactDescription> Rows =
    [
        FactDescription.Of(
            FactNames.TypingChanged,
            StreamCategories.Typing,
            FactJson.Context.TypingChanged,
            "A user began to type in a room, went on, or stopped. The stream keeps only its last records.",
            "Replace the room's list of those who type. Nobody counts time: who runs out of it gets a fact.",
            RoomId,
            new("user_id", "user id", "Whom it is about."),
            new("is_typing", "boolean?", "Whether they type; absent means false."),
            new("is_continued", "boolean?", "They typed already, so no list of names changed; absent means false."),
            new(
                "typists",
                "array of `{user_id, until_ms}`",
                "Everybody who types in the room after it, and until when, Unix milliseconds.")),
        FactDescription.Of(
            FactNames.ReceiptRecorded,
            StreamCategories.Receipts,
            FactJson.Context.ReceiptRecorded,
            "A user has read up to an event.",
            "Replace the receipt of the same room, user, type and thread. "
            + "`m.read.private` is shown to nobody but its user.",
            RoomId,
            new("user_id", "user id", "Who has read."),
            new("type", "`m.read`, `m.read.private`", "The kind of receipt."),
            new("event_id", "event id", "Up to where."),
            new("thread_id", "string?", "`main` or a thread's root; absent for an unthreaded receipt."),
            new("ts", "integer", "When, Unix milliseconds.")),
        FactDescription.Of(
            FactNames.PresenceChanged,
            StreamCategories.Presence,
            FactJson.Context.PresenceChanged,
            "A user's presence, as it now is. The stream keeps only its last records.",
            "Replace everything known of the user's presence.",
            new("user_id", "user id", "Whose it is."),
            new("presence", "`offline`, `online`, `unavailable`?", "What it is; absent means `offline`."),
            new("status_msg", "string?", "The status message, if there is one."),
            new("last_active_ms", "integer", "When they last did something, Unix milliseconds."),
            new("is_currently_active", "boolean?", "Whether they are at work right now; absent means false."),
            new("changed_at_ms", "integer", "When this was decided, Unix milliseconds."),
            new(
                "is_repeated",
                "boolean?",
                "Whether it is only said again, for other servers, and nothing changed; absent means false.")),
    ];
}
