namespace Matrix.EventSourced.Facts.Schema;

internal static class DelayedEventFactRows
{
    public static readonly IReadOnlyList<FactDescription> Rows =
    [
        FactDescription.Of(
            FactNames.DelayedEventChanged,
            StreamCategories.DelayedEvent,
            FactJson.Context.DelayedEventChanged,
            "An event that is to be sent later was scheduled, restarted, sent, cancelled, or could not be sent. Each record "
            + "says everything, and replaces the one before it.",
            "Without `finalised` it is to be sent once its time is there, however late.",
            new("delay_id", "string", "Its id until it is sent."),
            new("sender", "user id", "Whose it is."),
            new("room_id", "room id", "The room that it is for."),
            new("type", "string", "Its type."),
            new("state_key", "string?", "Its state key, where it is a state event."),
            new("content", "object", "Its content, verbatim."),
            new("delay_ms", "integer", "After how many milliseconds it is to be sent."),
            new("delayed_since_ts", "integer", "From when they count, Unix milliseconds."),
            new("origin_server_ts", "integer?", "The time that an application service wants it to have."),
            new(
                "finalised", "object?",
                "What became of it: `finalised_ts`, Unix milliseconds; `event_id` where it was sent; `error` where it could "
                + "not be; neither where it was cancelled.")),
    ];
}
