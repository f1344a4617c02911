using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;

namespace Matrix.EventSourced.Projections.Audit;

/// <summary>Checks that recorded PDUs are what their servers signed.</summary>
/// <remarks>
/// A content hash that does not hold is right in two cases, and in both only the redacted form is there: the content
/// was erased after a redaction, as the fact says, or the PDU came from another server with a wrong hash (receipt
/// check 3). What says that it was erased holds nothing but the redacted form, and a redaction of it stands in the log.
/// </remarks>
internal sealed class PduVerifier(IAuditedKeys keys, TimeProvider time)
{
    private readonly HashSet<EventId> _redacted = [];
    private readonly Dictionary<EventId, string> _strippedToPlace = [];

    /// <summary>What is wrong with the fact's PDU.</summary>
    public IReadOnlyList<string> Check(string place, PduRecorded fact)
    {
        foreach (var (target, _) in fact.Redactions)
            _redacted.Add(target);
        if (RoomVersionRules.Find(fact.RoomVersion) is null)
            return [$"the room version {fact.RoomVersion} is not known"];
        if (Read(fact) is not { } pdu)
            return ["its PDU is malformed"];
        var problems = new List<string>();
        if (pdu.EventId != fact.EventId)
            problems.Add($"its PDU has the id {pdu.EventId}, the fact says {fact.EventId}");
        if (pdu.RoomId != fact.RoomId)
            problems.Add($"its PDU is of the room {pdu.RoomId}, the fact says {fact.RoomId}");
        if (!pdu.Json.Span.SequenceEqual(fact.Pdu.Utf8.Span))
            problems.Add("its PDU is not in canonical form");
        CheckContentHash(place, pdu, fact.Erased is not null, problems);
        CheckSignatures(pdu, problems);
        return problems;
    }

    /// <summary>The fact's PDU; null when it is none.</summary>
    public static Pdu? Read(PduRecorded fact) =>
        RoomVersionRules.Find(fact.RoomVersion) is { } rules
        && PduParser.Parse(fact.Pdu.Utf8, rules, enforcesReferenceLimits: false) is PduParseResult.Parsed parsed
            ? parsed.Pdu
            : null;

    /// <summary>Erased PDUs, and our own without content, that no redaction has taken away.</summary>
    public IEnumerable<Finding> Finish() => _strippedToPlace
        .Where(stripped => !_redacted.Contains(stripped.Key))
        .Select(stripped => new Finding(
            stripped.Value, $"the content of {stripped.Key} is gone, but nothing redacts it"));

    private void CheckContentHash(string place, Pdu pdu, bool isErased, List<string> problems)
    {
        var isStripped = Redaction.Redact(pdu).AsSpan().SequenceEqual(pdu.Json.Span);
        if (isErased && !isStripped)
            problems.Add("it is said to be erased, but holds content");
        else if (isErased)
            _strippedToPlace[pdu.EventId] = place;
        else if (PduHashes.ContentHashHolds(pdu))
            return;
        else if (!isStripped)
            problems.Add("its content hash does not hold");
        else if (pdu.Sender.Server == keys.Self)
            _strippedToPlace[pdu.EventId] = place;
    }

    private void CheckSignatures(Pdu pdu, List<string> problems)
    {
        if (PduSignatures.RequiredServers(pdu) is not { } servers)
        {
            problems.Add("no server could sign it");
            return;
        }
        var nowMs = time.GetUtcNow().ToUnixTimeMilliseconds();
        foreach (var server in servers)
        {
            // Keys that nobody publishes any more verify nothing, but prove nothing either.
            if (keys.Find(server) is not { } known || !PduSignatures.KeyIds(pdu, server).Any(id => Knows(known, id)))
            {
                if (server == keys.Self)
                    problems.Add("this server has not signed it with any key it knows");
                continue;
            }
            if (!PduSignatures.IsSignedBy(pdu, known, nowMs))
                problems.Add($"the signature of {server} does not hold");
        }
    }

    private static bool Knows(Protocol.Signing.ServerKeys known, Protocol.Signing.KeyId keyId) =>
        known.KeyIdToKey.ContainsKey(keyId) || known.KeyIdToOldKey.ContainsKey(keyId);
}
