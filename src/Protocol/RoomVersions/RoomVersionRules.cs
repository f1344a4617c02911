using System.Collections.Frozen;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Protocol.RoomVersions;

/// <summary>Everything in which room versions differ, as data: algorithms ask these switches and never a version
/// number.</summary>
/// <remarks>
/// Spec: v1.19 rooms #room-version-grammar and the pages of versions 1 to 12.
/// Shape: one instance per version, compared by reference; <see cref="RoomVersionTable"/> writes each as "the version
/// before, except".
/// Cost: <see cref="Find"/> is one lookup.
/// </remarks>
public sealed record RoomVersionRules
{
    /// <summary>The version of rooms that we make unless told otherwise.</summary>
    public const string DefaultVersion = "12";

    /// <summary>The version's name, opaque.</summary>
    public required string Version { get; init; }

    /// <summary>Whether the spec calls the version stable; all of ours are.</summary>
    public bool IsStable { get; init; } = true;

    // The form of a PDU.

    /// <summary>Where event ids come from. Spec: rooms/v* #event-ids.</summary>
    public required EventIdFormat EventIdFormat { get; init; }

    /// <summary>
    /// Versions 1 and 2: <c>prev_events</c> and <c>auth_events</c> hold pairs of id and hashes instead of ids.
    /// </summary>
    public bool ReferencesArePairs { get; init; }

    /// <summary>From version 6: integers within ±(2^53-1) and no floats, or the PDU is dropped. Spec:
    /// rooms/v* #canonical-json.</summary>
    public bool StrictCanonicalJson { get; init; }

    /// <summary>From version 11: <c>redacts</c> stands in <c>content</c> and not at the top level.</summary>
    public bool RedactsInContent { get; init; }

    /// <summary>
    /// From version 12: the room's id is its create PDU's id with <c>!</c>, the create PDU has no <c>room_id</c>,
    /// and <c>auth_events</c> never lists the create PDU.
    /// </summary>
    public bool RoomIdIsCreateHash { get; init; }

    /// <summary>What a redaction keeps. Spec: rooms/v* #redactions.</summary>
    public required RedactionRules Redaction { get; init; }

    // Signatures.

    /// <summary>Versions 1 and 2: the server in the event id signs, too.</summary>
    public bool EventIdServerSigns { get; init; }

    /// <summary>From version 5: a signing key must be valid at <c>origin_server_ts</c>. Spec:
    /// rooms/v* #signing-key-validity-period.</summary>
    public bool EnforcesKeyValidity { get; init; }

    // Authorisation. Spec: rooms/v* #authorisation-rules.

    /// <summary>Versions 1 and 2: the redact level is part of authorisation (their rule 11).</summary>
    public bool RedactionIsAuthorised { get; init; }

    /// <summary>Versions 1 to 5: <c>m.room.aliases</c> has a rule of its own (their rule 4).</summary>
    public bool AliasesAreAuthorised { get; init; }

    /// <summary>From version 6: changes of <c>notifications</c> in power levels are checked as <c>events</c>
    /// are.</summary>
    public bool NotificationLevelsAreChecked { get; init; }

    /// <summary>From version 7: membership and join rule <c>knock</c>.</summary>
    public bool Knocking { get; init; }

    /// <summary>From version 8: join rule <c>restricted</c> and <c>join_authorised_via_users_server</c>.</summary>
    public bool RestrictedJoins { get; init; }

    /// <summary>From version 10: join rule <c>knock_restricted</c>.</summary>
    public bool KnockRestrictedJoins { get; init; }

    /// <summary>From version 10: power levels are integers; before, strings and floats count as integers.</summary>
    public bool IntegerPowerLevels { get; init; }

    /// <summary>From version 11: the creator is the create PDU's sender; before, <c>content.creator</c>.</summary>
    public bool CreatorIsSender { get; init; }

    /// <summary>From version 12: creators (sender and <c>additional_creators</c>) have infinite power.</summary>
    public bool CreatorsHaveInfinitePower { get; init; }

    /// <summary>Which state resolution the version uses.</summary>
    public required StateResolutionAlgorithm StateResolution { get; init; }

    /// <summary>Up to version 11: <c>auth_events</c> must list the create PDU; from version 12 it must not.</summary>
    public bool CreateIsInAuthEvents => !RoomIdIsCreateHash;

    /// <summary>Whether ids are hashes of the PDU: everywhere but in versions 1 and 2.</summary>
    public bool EventIdIsHash => EventIdFormat != EventIdFormat.Chosen;

    /// <summary>Every version that we know, in the order of their numbers.</summary>
    public static IReadOnlyList<RoomVersionRules> All => RoomVersionTable.All;

    /// <summary>The rules of a version, or null for one that we do not know.</summary>
    public static RoomVersionRules? Find(string? version) =>
        version is not null && RoomVersionTable.VersionToRules.TryGetValue(version, out var rules) ? rules : null;

    /// <summary>Whether an id has exactly the form that this version gives its event ids.</summary>
    public bool IsWellFormed(EventId eventId) => EventIdFormat switch
    {
        EventIdFormat.Chosen => IdentifierGrammar.HasSigilAndServer(eventId.Value, '$'),
        EventIdFormat.HashBase64 => IdentifierGrammar.IsHash(eventId.Value, urlSafe: false),
        _ => IdentifierGrammar.IsHash(eventId.Value, urlSafe: true),
    };

    /// <summary>Whether an id has exactly the form that this version gives its room ids.</summary>
    public bool IsWellFormed(RoomId roomId) => RoomIdIsCreateHash
        ? IdentifierGrammar.IsHash(roomId.Value, urlSafe: true)
        : IdentifierGrammar.HasSigilAndServer(roomId.Value, '!');

    public bool Equals(RoomVersionRules? other) => ReferenceEquals(this, other);

    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(Version);

    public override string ToString() => $"room version {Version}";
}
