using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.RoomVersions;

namespace Matrix.EventSourced.Protocol.Tests.EventAuth;

/// <summary>One row of the table of authorisation rules: a PDU that a rule lets in or keeps out.</summary>
/// <param name="Rule">The rule that the row is about.</param>
/// <param name="IsAllowed">What becomes of the PDU.</param>
/// <param name="DecidedBy">The rule that decides: often the one that the row is about, else the one that comes after
/// it.</param>
/// <param name="Title">What is tried, in words.</param>
/// <param name="Judge">Does it, in a new room of the version.</param>
/// <param name="AppliesTo">The versions that have it.</param>
internal sealed record AuthCase(
    AuthRule Rule, bool IsAllowed, AuthRule DecidedBy, string Title,
    Func<RoomVersionRules, AuthOutcome> Judge, Func<RoomVersionRules, bool> AppliesTo);

/// <summary>Collects the rows.</summary>
internal sealed class AuthCases
{
    private static readonly Func<RoomVersionRules, bool> Always = _ => true;

    public List<AuthCase> All { get; } = [];

    public void Refuses(
        AuthRule rule, string title, Func<RoomVersionRules, AuthOutcome> judge, Func<RoomVersionRules,
            bool>? appliesTo = null) =>
        All.Add(new(rule, false, rule, title, judge, appliesTo ?? Always));

    public void RefusesLater(
        AuthRule rule, AuthRule decidedBy, string title, Func<RoomVersionRules, AuthOutcome> judge,
        Func<RoomVersionRules, bool>? appliesTo = null) =>
        All.Add(new(rule, false, decidedBy, title, judge, appliesTo ?? Always));

    public void Allows(
        AuthRule rule, string title, Func<RoomVersionRules, AuthOutcome> judge, Func<RoomVersionRules,
            bool>? appliesTo = null) =>
        All.Add(new(rule, true, rule, title, judge, appliesTo ?? Always));

    public void Passes(
        AuthRule rule, AuthRule decidedBy, string title, Func<RoomVersionRules, AuthOutcome> judge,
        Func<RoomVersionRules, bool>? appliesTo = null) =>
        All.Add(new(rule, true, decidedBy, title, judge, appliesTo ?? Always));
}
