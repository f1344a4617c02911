namespace Matrix.EventSourced.Facts.Schema;

internal static class FederationFacts
{
    private static readonly FactField Destination = new("destination", "server name", "The server that it is about.");

    public static readonly IReadOnlyList<FactDescription> Rows =
    [
        FactDescription.Of(
            FactNames.ServerKeysFetched,
            StreamCategories.ServerKeys,
            FactJson.Context.ServerKeysFetched,
            "A server's keys came, other than those known before.",
            "A key counts until the document says, a week after it was fetched at most. "
            + "A key that a later document leaves out still verifies what it signed before.",
            new("server", "server name", "Whose keys they are."),
            new("document", "object", "What the server signed, verbatim."),
            new("fetched_at_ms", "integer", "When it came, Unix milliseconds."),
            new("notary", "server name?", "The server that it came through; absent means the server itself.")),
        FactDescription.Of(
            FactNames.TransactionDelivered,
            StreamCategories.Destination,
            FactJson.Context.TransactionDelivered,
            "A server took all that was to be sent to it up to a position. The stream keeps only its last records.",
            "Never send it anything at or before `up_to` again, whatever is replayed.",
            Destination,
            new("up_to", "integer", "A position of the log.")),
        FactDescription.Of(
            FactNames.DeliveryFailed,
            StreamCategories.Destination,
            FactJson.Context.DeliveryFailed,
            "A server did not take a transaction. The stream keeps only its last records.",
            "Try the same transaction again at `retry_at_ms`, or once the server is heard of.",
            Destination,
            new("delivered_up_to", "integer?", "The position up to which it took everything; absent means 0."),
            new("attempt_up_to", "integer", "The position of the last fact in the transaction that it did not take."),
            new("failures", "integer", "Attempts that failed since the last delivery."),
            new("failing_since_ms", "integer", "When the first of them failed, Unix milliseconds."),
            new("retry_at_ms", "integer", "When to try again, Unix milliseconds."),
            new("reason", "string", "What the last attempt met.")),
    ];
}
