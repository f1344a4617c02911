using Matrix.EventSourced.Facts.Roomserver;

namespace Matrix.EventSourced.Facts.Schema;

internal static class RoomserverFacts
{
    public static readonly IReadOnlyList<FactDescription> Rows =
    [
        new FactDescription(
            FactNames.PduRecorded,
            typeof(PduRecorded),
            StreamCategories.Room,
            "A PDU was decided.",
            "Apply the state delta whatever the disposition. Put the PDU on the timeline only when it is accepted. "
            + "When `redacts_applied` is set, replace the stored content of that PDU by its redacted form and remember "
            + "this PDU as its `redacted_because`. The stream's last record alone is enough to load the room.",
            [
                new("room_id", "room id", "The room."),
                new("room_version", "string", "The room's version, which says how to read the PDU."),
                new("event_id", "event id", "The PDU's id."),
                new(
                    "disposition",
                    "`accepted`, `soft_failed`, `rejected`, `outlier`, `backfilled`",
                    "What became of it."),
                new("reason", "string?", "Why it was soft-failed or rejected; names the rule."),
                new(
                    "state_added",
                    "array of `[type, state_key, event_id]`?",
                    "Entries that the current state gained or replaced."),
                new("state_removed", "array of `[type, state_key]`?", "Tuples that hold nothing any more."),
                new("forward_extremities", "array of event ids", "The room's forward extremities after the PDU."),
                new("state_before", "state root", "The state before the PDU."),
                new("current_state", "state root", "The room's current state after it."),
                new(
                    "state_before_added",
                    "array of `[type, state_key, event_id]`?",
                    "For a PDU that is not on the room's heads: entries of the state before it that the current state "
                    + "before it does not hold."),
                new(
                    "state_before_removed",
                    "array of `[type, state_key]`?",
                    "Tuples of that current state that hold nothing in the state before the PDU."),
                new("depth", "integer", "The largest depth in the room after it."),
                new(
                    "redacts_applied",
                    "event id?",
                    "The PDU whose content this redaction removes, once it is in force."),
                new(
                    "redacted_by",
                    "event id?",
                    "The redaction that is in force on this PDU from the start: it came before what it redacts."),
                new("device_id", "string?", "The local device that sent it."),
                new("transaction_id", "string?", "The transaction id of the request that sent it."),
                new("transaction_scope", "string?", "The endpoint within which the transaction id is unique."),
                new(
                    "send_on",
                    "server name?",
                    "The server that sends it to the room's other servers; absent for what came by federation."),
                new(
                    "stripped_state",
                    "array of stripped state events?",
                    "For an invite or a knock: what the member's server may show."),
                new(
                    "erased",
                    "object?",
                    "There once the content of the PDU was erased, after its redaction. Of what it related to it keeps "
                    + "`thread`, the thread's root, or `parent`, any other event."),
                new(
                    "pdu",
                    "object",
                    "The PDU in federation form, verbatim; the redacted form where `erased` is there."),
            ])
        {
            Encode = fact => PduRecordedJson.Write((PduRecorded)fact),
            Decode = PduRecordedJson.Read,
        },
        FactDescription.Of(
            FactNames.ContentErased,
            StreamCategories.Erasure,
            FactJson.Context.ContentErased,
            "The content of a redacted PDU is gone from the log.",
            "Delete what would not be there had the PDU never had its content. The records named were rewritten before.",
            new("room_id", "room id", "The room."),
            new("event_id", "event id", "The PDU."),
            new("redacted_by", "event id", "The redaction that asked for it."),
            new("positions", "array of integers", "The records of the log that were rewritten.")),
        FactDescription.Of(
            FactNames.AliasCreated,
            StreamCategories.Alias,
            FactJson.Context.AliasCreated,
            "A local alias points to a room.",
            "Resolve the alias to this room from now on.",
            new("alias", "room alias", "The alias."),
            new("room_id", "room id", "Where it points."),
            new("creator", "user id", "Who made it, and may remove it.")),
        FactDescription.Of(
            FactNames.AliasDeleted,
            StreamCategories.Alias,
            FactJson.Context.AliasDeleted,
            "A local alias points nowhere any more.",
            "Forget the alias; it may be created again, for any room.",
            new("alias", "room alias", "The alias."),
            new("room_id", "room id", "Where it pointed."),
            new("deleted_by", "user id", "Who removed it.")),
    ];
}
