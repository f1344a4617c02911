namespace Matrix.EventSourced.Facts.Schema;

internal static class AuditFacts
{
    public static readonly IReadOnlyList<FactDescription> Rows =
    [
        FactDescription.Of(
            FactNames.AuditPerformed,
            StreamCategories.Audit,
            FactJson.Context.AuditPerformed,
            "Somebody looked into the log with the audit command.",
            "Nobody follows it; it stands in the history of whoever audits the audits.",
            new FactField("arguments", "array of strings", "The question as it was asked.")),
    ];
}
