namespace Matrix.EventSourced.Protocol.EventAuth;

/// <summary>Whether the authorisation rules let a PDU into a room, and which rule decided.</summary>
/// <remarks>
/// Spec: v1.19 rooms/v1..v12 #authorisation-rules.
/// Shape: <see cref="Rule"/> is the rule's number on the page of the room's version, counted as the page shows it:
/// <c>"5.2.4"</c>.
/// </remarks>
public abstract record AuthOutcome
{
    private AuthOutcome(string rule) => Rule = rule;

    public string Rule { get; }

    public bool IsAllowed => this is Allowed;

    /// <summary>The PDU may enter; the rule is the one that says "allow".</summary>
    public sealed record Allowed : AuthOutcome
    {
        internal Allowed(string rule)
            : base(rule)
        {
        }
    }

    /// <summary>The PDU may not enter; the reason says in words what the rule asks for.</summary>
    public sealed record Refused : AuthOutcome
    {
        internal Refused(string rule, string reason)
            : base(rule) => Reason = reason;

        public string Reason { get; }

        /// <summary>For logs and for the reason that is kept with a rejected PDU.</summary>
        public override string ToString() => $"auth rule {Rule}: {Reason}";
    }
}
