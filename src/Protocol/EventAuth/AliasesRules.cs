namespace Matrix.EventSourced.Protocol.EventAuth;

/// <summary>Rule 4 of versions 1 to 5: a server keeps the aliases of its own domain, whatever its users may do
/// otherwise.</summary>
internal static class AliasesRules
{
    public static AuthOutcome Check(AuthContext context)
    {
        // 4.1
        if (context.Pdu.StateKey is not { } stateKey)
            return context.Refuse(AuthRule.AliasesHasStateKey, "An aliases event has a state_key.");
        // 4.2
        if (!ContentReading.DomainOf(context.Pdu.Sender.Value).SequenceEqual(stateKey))
            return context.Refuse(AuthRule.AliasesDomain, "The state_key is not the domain of the sender.");
        // 4.3
        return context.Allow(AuthRule.AliasesOtherwise);
    }
}
