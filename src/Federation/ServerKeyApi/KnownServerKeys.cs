using System.Collections.Immutable;
using System.Text.Json;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Federation.ServerKeyApi;

/// <summary>All that is known of one server's keys.</summary>
/// <remarks>
/// Shape: Keys merges the documents: the newest one's, and the keys that it left out as old ones, which end when the
/// last document with them did. Its ValidUntilTs is at most a week after the fetch, so it does not move with the clock.
/// Document is the newest, verbatim.
/// </remarks>
public sealed record KnownServerKeys(ServerKeys Keys, ReadOnlyMemory<byte> Document, long FetchedAtMs)
{
    /// <summary>Takes a document; null if it is no key document of the server, or nothing in it signs it.</summary>
    public static KnownServerKeys? Read(ServerName server, ReadOnlyMemory<byte> document, long fetchedAtMs)
    {
        JsonElement json;
        try
        {
            json = JsonElement.Parse(document.Span, new JsonDocumentOptions { MaxDepth = Limits.JsonDepthMax });
        }
        catch (JsonException)
        {
            return null;
        }
        return ServerKeys.Read(json, server) is ServerKeysResult.Read { Keys: var keys }
            ? new KnownServerKeys(keys with { ValidUntilTs = keys.ValidUntil(fetchedAtMs) }, document, fetchedAtMs)
            : null;
    }

    /// <summary>What is known once another document came. Documents that came through notaries may be older.</summary>
    public KnownServerKeys With(KnownServerKeys other)
    {
        var (newer, older) = other.Keys.ValidUntilTs >= Keys.ValidUntilTs ? (other, this) : (this, other);
        var keyIdToOldKey = new Dictionary<KeyId, VerifyKey>(newer.Keys.KeyIdToOldKey);
        foreach (var (keyId, key) in older.Keys.KeyIdToKey)
            AddLeftOut(key with { ExpiredTs = older.Keys.ValidUntilTs });
        foreach (var (keyId, key) in older.Keys.KeyIdToOldKey)
            AddLeftOut(key);
        return newer with { Keys = newer.Keys with { KeyIdToOldKey = keyIdToOldKey } };

        void AddLeftOut(VerifyKey key)
        {
            if (!newer.Keys.KeyIdToKey.ContainsKey(key.KeyId) && keyIdToOldKey.Count < Limits.ServerKeysMax)
                keyIdToOldKey.TryAdd(key.KeyId, key);
        }
    }

    /// <summary>Whether another document says anything that this one does not.</summary>
    public bool Differs(KnownServerKeys other) => !Document.Span.SequenceEqual(other.Document.Span)
        && (other.Keys.ValidUntilTs > Keys.ValidUntilTs
            || other.Keys.KeyIdToKey.Keys.Concat(other.Keys.KeyIdToOldKey.Keys)
                .Any(keyId => !Keys.KeyIdToKey.ContainsKey(keyId) && !Keys.KeyIdToOldKey.ContainsKey(keyId)));

    /// <summary>From here on a fresh document is worth its request, though this one still counts.</summary>
    public bool IsHalfOver(long nowMs) => nowMs - FetchedAtMs > (Keys.ValidUntilTs - FetchedAtMs) / 2;
}

/// <summary>What keys somebody needs, and for when.</summary>
/// <remarks>Shape: any of KeyIds will do. AtMs is the time that the key must be good for, Unix milliseconds; for a
/// request it is now, and old keys do not do.</remarks>
public sealed record KeyNeed(
    ServerName Server, ImmutableArray<KeyId> KeyIds, long AtMs, bool IsForRequest, bool EnforcesValidity)
{
    public static KeyNeed ForRequest(ServerName server, KeyId keyId, long nowMs) =>
        new(server, [keyId], nowMs, IsForRequest: true, EnforcesValidity: true);

    public static KeyNeed ForPdu(ServerName server, Pdu pdu) => new(
        server,
        [.. PduSignatures.KeyIds(pdu, server)],
        pdu.OriginServerTs,
        IsForRequest: false,
        pdu.Rules.EnforcesKeyValidity);

    public bool IsMetBy(KnownServerKeys known, long nowMs)
    {
        foreach (var keyId in KeyIds)
        {
            var key = IsForRequest
                ? known.Keys.FindForRequest(keyId, nowMs)
                : known.Keys.FindForPdu(keyId, AtMs, EnforcesValidity, long.MaxValue / 2);
            if (key is not null)
                return true;
        }
        return false;
    }
}
