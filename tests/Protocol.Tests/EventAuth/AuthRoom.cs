using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Protocol.Tests.EventAuth;

/// <summary>A room of one version whose state the test sets entry by entry; nothing of it is authorised.</summary>
internal sealed class AuthRoom : IAuthState
{
    public const string Creator = "@creator:one.example";
    public const string Alice = "@alice:one.example";
    public const string Bob = "@bob:two.example";
    public const string Carol = "@carol:three.example";

    private readonly Dictionary<StateTuple, Pdu> _state = [];
    private int _made;

    public AuthRoom(RoomVersionRules rules, string createMembers = "")
    {
        Rules = rules;
        var creator = rules.CreatorIsSender ? "" : $"\"creator\":\"{Creator}\"";
        var comma = creator.Length > 0 && createMembers.Length > 0 ? "," : "";
        Create = PduMaker.Make(
            new("create", "m.room.create", "", Creator, $"{{{creator}{comma}{createMembers}}}")
            {
                RoomId = rules.RoomIdIsCreateHash ? null : RoomId.Parse("!room:" + PduMaker.Domain),
                Depth = 1,
            },
            rules);
        RoomId = Create.RoomId;
        _state[new("m.room.create", "")] = Create;
    }

    public RoomVersionRules Rules { get; }

    public RoomId RoomId { get; }

    public Pdu Create { get; }

    public Pdu? Get(StateTuple tuple) => _state.GetValueOrDefault(tuple);

    public EventId Id(string name) => PduMaker.IdOf(name, Rules);

    public Pdu Put(string type, string stateKey, string sender, string content)
    {
        var pdu = Make(new($"state{_made++}", type, stateKey, sender, content));
        _state[new(type, stateKey)] = pdu;
        return pdu;
    }

    public Pdu Member(string user, string membership) =>
        Put("m.room.member", user, user, $$"""{"membership":"{{membership}}"}""");

    public AuthRoom With(params (string User, string Membership)[] members)
    {
        foreach (var (user, membership) in members)
            Member(user, membership);
        return this;
    }

    public AuthRoom WithJoinRule(string rule)
    {
        Put("m.room.join_rules", "", Creator, $$"""{"join_rule":"{{rule}}"}""");
        return this;
    }

    public AuthRoom WithLevels(string content)
    {
        Put("m.room.power_levels", "", Creator, content);
        return this;
    }

    public Pdu Make(PduMaker.Spec spec) => PduMaker.Make(spec with { RoomId = spec.RoomId ?? RoomId }, Rules);

    public AuthOutcome Judge(string type, string? stateKey, string sender, string content) =>
        Judge(new PduMaker.Spec("judged", type, stateKey, sender, content) { PrevEvents = [Id("before")] });

    public AuthOutcome Judge(PduMaker.Spec spec) => EventAuthorisation.Check(Make(spec), this, Create);

    public AuthOutcome JudgeMember(string sender, string target, string membership, string more = "") => Judge(
        "m.room.member", target, sender,
            $$"""{"membership":"{{membership}}"{{(more.Length > 0 ? "," + more : "")}}}""");

    public AuthOutcome JudgeLevels(string sender, string content) => Judge("m.room.power_levels", "", sender, content);
}
