using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Facts.ServerKeyApi;

/// <summary>A server's keys came, other than those known before: <c>serverkeyapi.keys_fetched.v1</c>, stream
/// <c>serverkeys-…</c>.</summary>
/// <remarks>
/// Shape: Document is what the server signed, verbatim, so that we can answer as a notary; its own signature was
/// checked. Notary is the server that it came through, null for the server itself. Units: FetchedAtMs, Unix
/// milliseconds.
/// Consumers: a key counts until the document says, a week after it was fetched at most. A key that a later document
/// leaves out still verifies what it signed before.
/// </remarks>
public sealed record ServerKeysFetched(
    ServerName Server, RawJson Document, long FetchedAtMs, ServerName? Notary = null) : IFact;
