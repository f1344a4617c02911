using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using static Matrix.EventSourced.Protocol.Tests.EventAuth.AuthRoom;

namespace Matrix.EventSourced.Protocol.Tests.EventAuth;

/// <summary>Rows about create events, auth events, federation, aliases, required levels and redactions.</summary>
internal static class RoomCases
{
    public static void Add(AuthCases cases)
    {
        AddCreate(cases);
        AddCreateContent(cases);
        AddAuthEvents(cases);
        AddFederation(cases);
        AddAliases(cases);
        AddOrdinary(cases);
        AddRedactions(cases);
    }

    private static AuthOutcome Create(
        RoomVersionRules rules, string content, string sender = Creator, bool hasPrevEvents = false, RoomId? roomId =
            null)
    {
        var spec = new PduMaker.Spec("made", "m.room.create", "", sender, content)
        {
            RoomId = roomId ?? (rules.RoomIdIsCreateHash ? null : RoomId.Parse("!room:" + PduMaker.Domain)),
            PrevEvents = hasPrevEvents ? [PduMaker.IdOf("before", rules)] : [],
        };
        return EventAuthorisation.Check(PduMaker.Make(spec, rules), new AuthRoom(rules), null);
    }

    private static string CreateContent(string more = "") =>
        $$"""{"creator":"{{Creator}}"{{(more.Length > 0 ? "," + more : "")}}}""";

    private static void AddCreate(AuthCases cases)
    {
        cases.Refuses(AuthRule.CreateHasNoPrevEvents, "create with prev_events", rules =>
            Create(rules, CreateContent(), hasPrevEvents: true));
        cases.Passes(AuthRule.CreateHasNoPrevEvents, AuthRule.CreateOtherwise, "create without prev_events", rules =>
            Create(rules, CreateContent()));
        cases.Refuses(
            AuthRule.CreateRoomId, "create of a room of another domain",
            rules => Create(rules, CreateContent(), sender: Bob), rules => !rules.RoomIdIsCreateHash);
        cases.Passes(
            AuthRule.CreateRoomId, AuthRule.CreateOtherwise, "create of a room of the sender's domain", rules =>
                Create(rules, CreateContent()));
        cases.Refuses(
            AuthRule.CreateRoomId, "create with a room_id",
            rules => Create(rules, CreateContent(), roomId: RoomId.Parse("!room:" + PduMaker.Domain)), rules =>
                rules.RoomIdIsCreateHash);
    }

    private static void AddCreateContent(AuthCases cases)
    {
        cases.Refuses(AuthRule.CreateRoomVersion, "unknown room_version", rules =>
            Create(rules, CreateContent("\"room_version\":\"1000\"")));
        cases.Refuses(AuthRule.CreateRoomVersion, "room_version is a number", rules =>
            Create(rules, CreateContent("\"room_version\":1")));
        cases.Passes(
            AuthRule.CreateRoomVersion, AuthRule.CreateOtherwise, "known room_version",
            rules => Create(rules, CreateContent($"\"room_version\":\"{rules.Version}\"")));
        cases.Refuses(AuthRule.CreateCreator, "create without creator", rules => Create(rules, "{}"), rules =>
            !rules.CreatorIsSender);
        cases.Passes(
            AuthRule.CreateCreator, AuthRule.CreateOtherwise, "create with creator",
            rules => Create(rules, CreateContent()), rules => !rules.CreatorIsSender);
        cases.Passes(
            AuthRule.CreateOtherwise, AuthRule.CreateOtherwise, "create without creator, where none is asked for",
            rules => Create(rules, "{}"), rules => rules.CreatorIsSender);
        cases.Allows(AuthRule.CreateOtherwise, "an ordinary create", rules => Create(rules, CreateContent()));
        cases.RefusesLater(
            AuthRule.CreateOtherwise, AuthRule.CreateHasNoPrevEvents, "a create that is not the first",
            rules => Create(rules, CreateContent(), hasPrevEvents: true));
        foreach (var bad in (string[])["\"@a:b\"", "[1]", "[\"no id\"]", "{}", "null", "[\"@a:b\",\"\"]"])
        {
            cases.Refuses(
                AuthRule.CreateAdditionalCreators, $"additional_creators {bad}",
                rules => Create(rules, $$"""{"additional_creators":{{bad}}}"""), rules =>
                    rules.CreatorsHaveInfinitePower);
            cases.Passes(
                AuthRule.CreateOtherwise, AuthRule.CreateOtherwise,
                    $"additional_creators {bad}, which mean nothing here",
                rules => Create(rules, CreateContent($"\"additional_creators\":{bad}")), rules =>
                    !rules.CreatorsHaveInfinitePower);
        }
        cases.Passes(
            AuthRule.CreateAdditionalCreators, AuthRule.CreateOtherwise, "additional_creators are user ids",
            rules => Create(rules, $$"""{"additional_creators":["{{Bob}}","{{Carol}}"]}"""), rules =>
                rules.CreatorsHaveInfinitePower);
    }

    private static AuthOutcome ByAuthEvents(
        RoomVersionRules rules, Func<AuthRoom, List<AuthEvent>, IReadOnlyList<AuthEvent>> choose)
    {
        var room = new AuthRoom(rules).With((Creator, "join")).WithLevels("{}");
        List<AuthEvent> proper =
        [
            new(room.Get(new("m.room.power_levels", ""))!, false),
            new(room.Get(new("m.room.member", Creator))!, false),
        ];
        if (rules.CreateIsInAuthEvents)
            proper.Add(new(room.Create, false));
        var message = room.Make(new("message", "m.room.message", null, Creator, "{}"));
        return EventAuthorisation.CheckAuthEvents(message, choose(room, proper));
    }

    private static void AddAuthEvents(AuthCases cases)
    {
        foreach (var rule in (AuthRule[])[
            AuthRule.AuthEventsDistinct, AuthRule.AuthEventsSelected, AuthRule.AuthEventsAccepted,
                AuthRule.AuthEventsHaveCreate])
        {
            cases.Passes(
                rule, AuthRule.AuthEventsOfRoom, "the proper auth events", rules => ByAuthEvents(rules, (_, proper) =>
                    proper),
                rules => rule != AuthRule.AuthEventsHaveCreate || rules.CreateIsInAuthEvents);
        }
        cases.Allows(AuthRule.AuthEventsOfRoom, "auth events of the room", rules => ByAuthEvents(rules, (_, proper) =>
            proper));
        cases.Refuses(
            AuthRule.AuthEventsDistinct, "two auth events of one tuple",
            rules => ByAuthEvents(rules, (room, proper) =>
                [.. proper, new(room.Put("m.room.power_levels", "", Creator, "{}"), false)]));
        cases.Refuses(
            AuthRule.AuthEventsSelected, "another user's membership among the auth events",
            rules => ByAuthEvents(rules, (room, proper) => [.. proper, new(room.Member(Bob, "join"), false)]));
        cases.Refuses(
            AuthRule.AuthEventsSelected, "join rules among the auth events of a message",
            rules => ByAuthEvents(rules, (room, proper) =>
                [.. proper, new(room.Put("m.room.join_rules", "", Creator, "{}"), false)]));
        cases.Refuses(
            AuthRule.AuthEventsSelected, "a message among the auth events",
            rules => ByAuthEvents(
                rules, (room, proper) =>
                    [.. proper, new(room.Make(new("other", "m.room.message", null, Creator, "{}")), false)]));
        cases.Refuses(
            AuthRule.AuthEventsSelected, "the create event among the auth events",
            rules => ByAuthEvents(rules, (room, proper) => [.. proper, new(room.Create, false)]), rules =>
                !rules.CreateIsInAuthEvents);
        cases.Refuses(
            AuthRule.AuthEventsAccepted, "a rejected auth event",
            rules => ByAuthEvents(rules, (_, proper) => [.. proper.Select((entry, index) =>
                entry with { IsRejected = index == 0 })]));
        cases.Refuses(
            AuthRule.AuthEventsHaveCreate, "no create event among the auth events",
            rules => ByAuthEvents(rules, (_, proper) => [.. proper.Where(entry => entry.Pdu.Type != "m.room.create")]),
            rules => rules.CreateIsInAuthEvents);
        cases.Refuses(AuthRule.AuthEventsOfRoom, "an auth event of another room", rules =>
            ByAuthEvents(rules, WithLevelsOfOtherRoom));
        cases.Refuses(
            AuthRule.RoomIdIsOfCreate, "the room_id of another create event", InOtherRoom, rules =>
                rules.RoomIdIsCreateHash);
        cases.Refuses(
            AuthRule.RoomIdIsOfCreate, "a room without an accepted create event", WithoutCreate, rules =>
                rules.RoomIdIsCreateHash);
        cases.Passes(
            AuthRule.RoomIdIsOfCreate, AuthRule.Otherwise, "the room_id of the create event",
            rules => Joined(rules).Judge("m.room.message", null, Alice, "{}"), rules => rules.RoomIdIsCreateHash);
    }

    private static IReadOnlyList<AuthEvent> WithLevelsOfOtherRoom(AuthRoom room, List<AuthEvent> proper)
    {
        var other = RoomId.Parse(room.Rules.RoomIdIsCreateHash ? "!" + room.Id("elsewhere").Value[1..]
            : "!elsewhere:one.example");
        var levels = room.Make(new("other", "m.room.power_levels", "", Creator, "{}") { RoomId = other });
        return [.. proper.Where(entry => entry.Pdu.Type != "m.room.power_levels"), new(levels, false)];
    }

    private static AuthOutcome InOtherRoom(RoomVersionRules rules)
    {
        var room = Joined(rules);
        return room.Judge(new PduMaker.Spec("judged", "m.room.message", null, Alice, "{}")
        {
            RoomId = RoomId.Parse("!" + room.Id("elsewhere").Value[1..]),
        });
    }

    private static AuthOutcome WithoutCreate(RoomVersionRules rules)
    {
        var room = Joined(rules);
        return EventAuthorisation.Check(room.Make(new("judged", "m.room.message", null, Alice, "{}")), new NoState(),
            null);
    }

    private sealed class NoState : IAuthState
    {
        public Pdu? Get(Protocol.State.StateTuple tuple) => null;
    }

    private static AuthRoom Joined(RoomVersionRules rules, string createMembers = "") =>
        new AuthRoom(rules, createMembers).With((Creator, "join"), (Alice, "join"), (Bob, "join"));

    private static void AddFederation(AuthCases cases)
    {
        cases.Refuses(
            AuthRule.Federate, "another server in a room that does not federate",
            rules => Joined(rules, "\"m.federate\":false").Judge("m.room.message", null, Bob, "{}"));
        cases.Passes(
            AuthRule.Federate, AuthRule.Otherwise, "the creator's server in a room that does not federate",
            rules => Joined(rules, "\"m.federate\":false").Judge("m.room.message", null, Alice, "{}"));
        cases.Passes(
            AuthRule.Federate, AuthRule.Otherwise, "another server in a room that federates",
            rules => Joined(rules, "\"m.federate\":true").Judge("m.room.message", null, Bob, "{}"));
        cases.Passes(
            AuthRule.Federate, AuthRule.Otherwise, "another server where m.federate is no boolean",
            rules => Joined(rules, "\"m.federate\":\"false\"").Judge("m.room.message", null, Bob, "{}"));
    }

    private static void AddAliases(AuthCases cases)
    {
        static bool HasRule(RoomVersionRules rules) => rules.AliasesAreAuthorised;
        cases.Refuses(
            AuthRule.AliasesHasStateKey, "aliases without state_key", rules =>
                Joined(rules).Judge("m.room.aliases", null, Alice, "{}"), HasRule);
        cases.Passes(
            AuthRule.AliasesHasStateKey, AuthRule.AliasesOtherwise, "aliases with state_key",
            rules => Joined(rules).Judge("m.room.aliases", "one.example", Alice, "{}"), HasRule);
        cases.Refuses(
            AuthRule.AliasesDomain, "aliases of another server",
            rules => Joined(rules).Judge("m.room.aliases", "two.example", Alice, "{}"), HasRule);
        cases.Passes(
            AuthRule.AliasesDomain, AuthRule.AliasesOtherwise, "aliases of the own server",
            rules => Joined(rules).Judge("m.room.aliases", "two.example", Bob, "{}"), HasRule);
        cases.Allows(
            AuthRule.AliasesOtherwise, "aliases from a user who is not joined",
            rules => new AuthRoom(rules).Judge("m.room.aliases", "two.example", Bob, "{}"), HasRule);
        cases.RefusesLater(
            AuthRule.AliasesOtherwise, AuthRule.AliasesDomain, "aliases with a strange state_key",
            rules => Joined(rules).Judge("m.room.aliases", "", Bob, "{}"), HasRule);
        cases.RefusesLater(
            AuthRule.SenderJoined, AuthRule.SenderJoined,
                "aliases from a user who is not joined, where no rule is for them",
            rules => new AuthRoom(rules).Judge("m.room.aliases", "two.example", Bob, "{}"), rules =>
                !rules.AliasesAreAuthorised);
    }

    private static void AddOrdinary(AuthCases cases)
    {
        foreach (var membership in (string[])["leave", "ban", "invite"])
        {
            cases.Refuses(
                AuthRule.SenderJoined, $"a message from a user with membership {membership}",
                rules => new AuthRoom(rules).With((Bob, membership)).Judge("m.room.message", null, Bob, "{}"));
        }
        cases.Refuses(AuthRule.SenderJoined, "a message from a stranger", rules =>
            new AuthRoom(rules).Judge("m.room.message", null, Bob, "{}"));
        cases.Passes(AuthRule.SenderJoined, AuthRule.Otherwise, "a message from a member", rules =>
            Joined(rules).Judge("m.room.message", null, Bob, "{}"));
        cases.Allows(
            AuthRule.ThirdPartyInviteLevel, "a third-party invite at the invite level",
            rules => Joined(rules).WithLevels("""{"invite":0,"state_default":100}""").Judge("m.room.third_party_invite",
                "token", Bob, "{}"));
        cases.Refuses(
            AuthRule.ThirdPartyInviteLevel, "a third-party invite below the invite level",
            rules => Joined(rules).WithLevels("""{"invite":1,"state_default":0}""").Judge("m.room.third_party_invite",
                "token", Bob, "{}"));
        cases.Refuses(
            AuthRule.RequiredLevel, "state below state_default", rules =>
                Joined(rules).WithLevels("{}").Judge("m.room.name", "", Bob, "{}"));
        cases.Refuses(
            AuthRule.RequiredLevel, "a message below the level of its type",
            rules => Joined(rules).WithLevels("""{"events":{"m.room.message":1}}""").Judge("m.room.message", null, Bob,
                "{}"));
        cases.Refuses(
            AuthRule.RequiredLevel, "a message below events_default",
            rules => Joined(rules).WithLevels("""{"events_default":1}""").Judge("m.room.message", null, Bob, "{}"));
        cases.Passes(
            AuthRule.RequiredLevel, AuthRule.Otherwise, "state before there are power levels",
            rules => Joined(rules).Judge("m.room.name", "", Bob, "{}"));
        cases.Passes(
            AuthRule.RequiredLevel, AuthRule.Otherwise, "state of a type with a level of its own",
            rules => Joined(rules).WithLevels("""{"events":{"m.room.name":0}}""").Judge("m.room.name", "", Bob, "{}"));
        cases.Passes(
            AuthRule.RequiredLevel, AuthRule.Otherwise, "state from a user at its level",
            rules => Joined(rules).WithLevels($$$"""{"users":{"{{{Bob}}}":50}}""").Judge("m.room.name", "", Bob, "{}"));
        cases.Refuses(AuthRule.OwnStateKey, "state of another user", rules =>
            Joined(rules).Judge("org.example.mine", Alice, Bob, "{}"));
        cases.Passes(AuthRule.OwnStateKey, AuthRule.Otherwise, "one's own state", rules =>
            Joined(rules).Judge("org.example.mine", Bob, Bob, "{}"));
        cases.Allows(AuthRule.Otherwise, "anything else", rules =>
            Joined(rules).Judge("org.example.thing", "key", Bob, "{}"));
        cases.RefusesLater(
            AuthRule.Otherwise, AuthRule.RequiredLevel, "anything else above the sender's level",
            rules => Joined(rules).WithLevels("{}").Judge("org.example.thing", "key", Bob, "{}"));
        cases.Passes(
            AuthRule.RequiredLevel, AuthRule.Otherwise, "state from an additional creator",
            rules => Joined(rules, $"\"additional_creators\":[\"{Bob}\"]").WithLevels("""{"state_default":9000}""")
                .Judge("m.room.name", "", Bob, "{}"),
            rules => rules.CreatorsHaveInfinitePower);
        cases.Refuses(
            AuthRule.RequiredLevel, "state from an additional creator, where there is no such thing",
            rules => Joined(rules, $"\"additional_creators\":[\"{Bob}\"]").WithLevels("""{"state_default":9000}""")
                .Judge("m.room.name", "", Bob, "{}"),
            rules => !rules.CreatorsHaveInfinitePower);
    }

    private static AuthOutcome Redact(RoomVersionRules rules, string levels, string targetDomain) =>
        Joined(rules).WithLevels(levels).Judge(
        new PduMaker.Spec("redaction", "m.room.redaction", null, Bob, "{}") { Redacts =
            PduMaker.IdOf("target", rules, targetDomain) });

    private static void AddRedactions(AuthCases cases)
    {
        static bool HasRule(RoomVersionRules rules) => rules.RedactionIsAuthorised;
        cases.Allows(AuthRule.RedactionLevel, "a redaction at the redact level", rules =>
            Redact(rules, """{"redact":0}""", "three.example"), HasRule);
        cases.RefusesLater(
            AuthRule.RedactionLevel, AuthRule.RedactionOtherwise, "a redaction below the redact level",
            rules => Redact(rules, """{"redact":1}""", "three.example"), HasRule);
        cases.Allows(AuthRule.RedactionDomain, "a redaction of the own server's event", rules =>
            Redact(rules, "{}", PduMaker.Domain), HasRule);
        cases.RefusesLater(
            AuthRule.RedactionDomain, AuthRule.RedactionOtherwise, "a redaction of another server's event",
            rules => Redact(rules, "{}", "three.example"), HasRule);
        cases.Refuses(AuthRule.RedactionOtherwise, "a redaction of nothing that is one's own", rules =>
            Redact(rules, "{}", "three.example"), HasRule);
        cases.Passes(
            AuthRule.RedactionOtherwise, AuthRule.RedactionDomain, "a redaction of one's own", rules =>
                Redact(rules, "{}", PduMaker.Domain), HasRule);
        cases.Passes(
            AuthRule.Otherwise, AuthRule.Otherwise, "a redaction of another server's event, where it is decided later",
            rules => Redact(rules, "{}", "three.example"), rules => !rules.RedactionIsAuthorised);
    }
}
