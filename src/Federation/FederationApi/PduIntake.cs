using Matrix.EventSourced.Federation.ServerKeyApi;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;

namespace Matrix.EventSourced.Federation.FederationApi;

/// <summary>The checks of received PDUs that need no room: their form, their signatures, their hash.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #checks-performed-on-receipt-of-a-pdu, checks 1 to 3. What fails the first two is
/// dropped; a hash that does not hold leaves the redacted PDU.
/// Cost: one look-up of keys for all, the signatures side by side.
/// </remarks>
public sealed class PduIntake(PduSignatureVerifier signatures)
{
    /// <summary>One outcome per PDU, in their order.</summary>
    /// <param name="received">PDUs as they came, one JSON object each.</param>
    /// <param name="rules">The rules of the room's version.</param>
    /// <param name="roomId">The room that all must be of; null where that does not matter yet.</param>
    /// <param name="isOld">Whether they may be older than the limits on references.</param>
    /// <param name="cancellationToken">Ends the wait for keys.</param>
    public async ValueTask<IReadOnlyList<TakenPdu>> TakeAsync(
        IReadOnlyList<ReadOnlyMemory<byte>> received,
        RoomVersionRules rules,
        RoomId? roomId,
        bool isOld,
        CancellationToken cancellationToken)
    {
        var taken = new TakenPdu[received.Count];
        var parsed = new List<Pdu>(received.Count);
        var places = new List<int>(received.Count);
        for (var i = 0; i < taken.Length; i++)
        {
            switch (PduParser.Parse(received[i], rules, enforcesReferenceLimits: !isOld))
            {
                case PduParseResult.Parsed { Pdu: var pdu } when roomId is not null && pdu.RoomId != roomId:
                    taken[i] = new TakenPdu(pdu.EventId, null, "it is of another room");
                    break;
                case PduParseResult.Parsed { Pdu: var pdu }:
                    parsed.Add(pdu);
                    places.Add(i);
                    break;
                case PduParseResult.Refused refused:
                    taken[i] = new TakenPdu(null, null, refused.Error.Message);
                    break;
            }
        }
        if (parsed.Count == 0)
            return taken;
        var outcomes = await signatures.VerifyAsync(parsed, cancellationToken);
        for (var i = 0; i < parsed.Count; i++)
        {
            var pdu = parsed[i];
            taken[places[i]] = outcomes[i] switch
            {
                PduSignatureOutcome.Good => new TakenPdu(pdu.EventId, Clean(pdu), null),
                PduSignatureOutcome.Wrong wrong => new TakenPdu(pdu.EventId, null, wrong.Reason),
                PduSignatureOutcome.KeysMissing missing => new TakenPdu(pdu.EventId, null, missing.Reason)
                {
                    KeysMissingOf = missing.Server,
                },
                _ => throw new InvalidOperationException("Not an outcome."),
            };
        }
        return taken;
    }

    /// <summary>The PDUs that passed, in order; null where some did not for want of the keys of the server that gave
    /// them: it is there, so they can be had soon, and then all of them are.</summary>
    public async ValueTask<List<Pdu>?> TakeAllGoodAsync(
        IReadOnlyList<ReadOnlyMemory<byte>> received,
        RoomVersionRules rules,
        RoomId roomId,
        ServerName server,
        CancellationToken cancellationToken)
    {
        var taken = await TakeAsync(received, rules, roomId, isOld: true, cancellationToken);
        return taken.Any(one => one.KeysMissingOf == server)
            ? null
            : [.. taken.Where(one => one.Pdu is not null).Select(one => one.Pdu!)];
    }

    /// <summary>The PDUs that passed, in order.</summary>
    public async ValueTask<List<Pdu>> TakeGoodAsync(
        IReadOnlyList<ReadOnlyMemory<byte>> received,
        RoomVersionRules rules,
        RoomId roomId,
        CancellationToken cancellationToken)
    {
        var good = new List<Pdu>(received.Count);
        foreach (var taken in await TakeAsync(received, rules, roomId, isOld: true, cancellationToken))
        {
            if (taken.Pdu is not null)
                good.Add(taken.Pdu);
        }
        return good;
    }

    private static Pdu Clean(Pdu pdu)
    {
        var kept = PduRewriting.WithoutUnsigned(pdu);
        return PduHashes.ContentHashHolds(kept) ? kept : kept.ToRedacted();
    }
}

/// <summary>A received PDU, or why it is dropped. Shape: EventId is null where not even that could be read.</summary>
public sealed record TakenPdu(EventId? EventId, Pdu? Pdu, string? Problem)
{
    /// <summary>The server whose keys would say whether it is good; it may be when it comes again.</summary>
    public ServerName? KeysMissingOf { get; init; }
}
