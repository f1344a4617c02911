namespace Matrix.EventSourced.Protocol.EventAuth;

/// <summary>Rule 11 of versions 1 and 2: redactions. Later versions let them in and decide apart whether they take
/// effect.</summary>
internal static class RedactionRules
{
    public static AuthOutcome Check(AuthContext context)
    {
        // 11.1
        if (context.SenderLevel >= context.Levels.Redact)
            return context.Allow(AuthRule.RedactionLevel);
        // 11.2
        if (context.Pdu.Redacts is { } redacts
            && ContentReading.HaveSameDomain(redacts.Value, context.Pdu.EventId.Value))
            return context.Allow(AuthRule.RedactionDomain);
        // 11.3
        return context.Refuse(
            AuthRule.RedactionOtherwise, "The redacted event is another server's and the sender is below the redact level.");
    }
}
