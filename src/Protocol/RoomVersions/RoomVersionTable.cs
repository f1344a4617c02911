using System.Collections.Frozen;
using Matrix.EventSourced.Protocol.Pdus;

namespace Matrix.EventSourced.Protocol.RoomVersions;

/// <summary>The room versions, each written as "the version before, except".</summary>
internal static class RoomVersionTable
{
    private static readonly RoomVersionRules V1 = new()
    {
        Version = "1",
        EventIdFormat = EventIdFormat.Chosen,
        ReferencesArePairs = true,
        EventIdServerSigns = true,
        RedactionIsAuthorised = true,
        AliasesAreAuthorised = true,
        StateResolution = StateResolutionAlgorithm.V1,
        Redaction = RedactionOfV1(),
    };

    private static readonly RoomVersionRules V2 = V1 with
    {
        Version = "2",
        StateResolution = StateResolutionAlgorithm.V2,
    };

    private static readonly RoomVersionRules V3 = V2 with
    {
        Version = "3",
        EventIdFormat = EventIdFormat.HashBase64,
        ReferencesArePairs = false,
        EventIdServerSigns = false,
        RedactionIsAuthorised = false,
    };

    private static readonly RoomVersionRules V4 = V3 with
    {
        Version = "4",
        EventIdFormat = EventIdFormat.HashBase64Url,
    };

    private static readonly RoomVersionRules V5 = V4 with
    {
        Version = "5",
        EnforcesKeyValidity = true,
    };

    private static readonly RoomVersionRules V6 = V5 with
    {
        Version = "6",
        StrictCanonicalJson = true,
        AliasesAreAuthorised = false,
        NotificationLevelsAreChecked = true,
        Redaction = V5.Redaction.WithContentKeys(EventTypes.Aliases),
    };

    private static readonly RoomVersionRules V7 = V6 with
    {
        Version = "7",
        Knocking = true,
    };

    private static readonly RoomVersionRules V8 = V7 with
    {
        Version = "8",
        RestrictedJoins = true,
        Redaction = V7.Redaction.WithContentKeys(EventTypes.JoinRules, "join_rule", "allow"),
    };

    private static readonly RoomVersionRules V9 = V8 with
    {
        Version = "9",
        Redaction = V8.Redaction.WithContentKeys(EventTypes.Member, "membership", "join_authorised_via_users_server"),
    };

    private static readonly RoomVersionRules V10 = V9 with
    {
        Version = "10",
        KnockRestrictedJoins = true,
        IntegerPowerLevels = true,
    };

    private static readonly RoomVersionRules V11 = V10 with
    {
        Version = "11",
        RedactsInContent = true,
        CreatorIsSender = true,
        Redaction = RedactionOfV11(V10.Redaction),
    };

    private static readonly RoomVersionRules V12 = V11 with
    {
        Version = "12",
        RoomIdIsCreateHash = true,
        CreatorsHaveInfinitePower = true,
        StateResolution = StateResolutionAlgorithm.V2Point1,
    };

    public static readonly IReadOnlyList<RoomVersionRules> All = [V1, V2, V3, V4, V5, V6, V7, V8, V9, V10, V11, V12];

    public static readonly FrozenDictionary<string, RoomVersionRules> VersionToRules =
        All.ToFrozenDictionary(rules => rules.Version, StringComparer.Ordinal);

    private static RedactionRules RedactionOfV1() =>
        new RedactionRules
        {
            TopLevelKeys = new KeySet("event_id", "type", "room_id", "sender", "state_key", "content", "hashes",
                "signatures", "depth", "prev_events", "prev_state", "auth_events", "origin", "origin_server_ts",
                "membership"),
            ContentKeys = FrozenDictionary<string, KeySet>.Empty,
        }
        .WithContentKeys(EventTypes.Member, "membership")
        .WithContentKeys(EventTypes.Create, "creator")
        .WithContentKeys(EventTypes.JoinRules, "join_rule")
        .WithContentKeys(EventTypes.PowerLevels, "ban", "events", "events_default", "kick", "redact",
            "state_default", "users", "users_default")
        .WithContentKeys(EventTypes.Aliases, "aliases")
        .WithContentKeys(EventTypes.HistoryVisibility, "history_visibility");

    private static RedactionRules RedactionOfV11(RedactionRules before) =>
        before
            .WithContentKeys(EventTypes.PowerLevels, "ban", "events", "events_default", "invite", "kick", "redact",
                "state_default", "users", "users_default")
            .WithContentKeys(EventTypes.Redaction, "redacts")
            .WithContentKeys(EventTypes.Create)
            with
            {
                TopLevelKeys = before.TopLevelKeys.Without("origin", "membership", "prev_state"),
                KeepsCreateContent = true,
                KeepsSignedInvite = true,
            };
}
