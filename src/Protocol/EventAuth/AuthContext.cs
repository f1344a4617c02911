using System.Text.Json;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;

namespace Matrix.EventSourced.Protocol.EventAuth;

/// <summary>What the rules look at while one PDU is authorised.</summary>
internal sealed class AuthContext(Pdu pdu, IAuthState state, Pdu create)
{
    private readonly AuthRuleNumbers _numbers = AuthRuleNumbers.Of(pdu.Rules);
    private PowerLevels? _levels;

    public Pdu Pdu => pdu;

    public RoomVersionRules Rules => pdu.Rules;

    public IAuthState State => state;

    public Pdu Create => create;

    public JsonElement Content => pdu.Content;

    public PowerLevels Levels => _levels ??= state.GetPowerLevels(create);

    public long SenderLevel => Levels.UserLevel(pdu.Sender);

    public bool IsSenderJoined => state.GetMembership(pdu.Sender) == Membership.Join;

    public AuthOutcome Allow(AuthRule rule) => _numbers.Allow(rule);

    public AuthOutcome Refuse(AuthRule rule, string reason) => _numbers.Refuse(rule, reason);
}
