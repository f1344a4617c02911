namespace Matrix.EventSourced.Facts.Schema;

internal static class AppserviceFactRows
{
    private static readonly FactField AppserviceId =
        new("appservice_id", "string", "The application service, as its registration names it.");
    private static readonly FactField DeliveredUpTo =
        new("delivered_up_to", "integer?", "The position of the log up to which it has taken everything.");

    public static readonly IReadOnlyList<FactDescription> Rows =
    [
        FactDescription.Of(
            FactNames.AppserviceTransactionBegun,
            StreamCategories.Appservice,
            FactJson.Context.AppserviceTransactionBegun,
            "A transaction is about to be sent. The stream keeps only its last records.",
            "After a crash, send what stands between the two positions as one transaction.",
            AppserviceId,
            DeliveredUpTo,
            new("up_to", "integer", "The position of the last fact in the transaction.")),
        FactDescription.Of(
            FactNames.AppserviceTransactionDelivered,
            StreamCategories.Appservice,
            FactJson.Context.AppserviceTransactionDelivered,
            "An application service took all that was to be sent to it up to a position.",
            "Never send it anything at or before `up_to` again, whatever is replayed.",
            AppserviceId,
            new("up_to", "integer?", "A position of the log.")),
        FactDescription.Of(
            FactNames.AppserviceDeliveryFailed,
            StreamCategories.Appservice,
            FactJson.Context.AppserviceDeliveryFailed,
            "An application service did not take a transaction.",
            "Try the same transaction again at `retry_at_ms`, or once the service is heard of.",
            AppserviceId,
            DeliveredUpTo,
            new("attempt_up_to", "integer", "The position of the last fact in the transaction."),
            new("failures", "integer", "Failures in a row."),
            new("failing_since_ms", "integer", "When the first of them was, Unix milliseconds."),
            new("retry_at_ms", "integer", "When to try again, Unix milliseconds."),
            new("reason", "string", "What went wrong, for people.")),
        FactDescription.Of(
            FactNames.NetworkListingChanged,
            StreamCategories.NetworkList,
            FactJson.Context.NetworkListingChanged,
            "An application service listed a room in the directory of one of its networks, or took it off.",
            "Show it to who asks for this network, or for all networks.",
            new("room_id", "room id", "The room."),
            AppserviceId,
            new("network_id", "string", "The network, as the service names it."),
            new("is_listed", "boolean?", "Whether it is listed from now on; absent means false.")),
    ];
}
