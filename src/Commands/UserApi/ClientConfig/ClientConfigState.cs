using System.Collections.Immutable;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol.AccountData;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.UserApi.ClientConfig;

/// <summary>What the stream <c>accountdata-…</c> says of the types that are decided on or by: tags, push rules, direct
/// chats, who may invite.</summary>
/// <remarks>
/// Shape: RoomIdToTags maps a room to the content of its <c>m.tag</c>; PushRules is the content of
/// <c>m.push_rules</c>, null until the user changed any; Direct that of <c>m.direct</c>. BlocksInvites: the user wants
/// no invites. All other account data is only recorded, and not kept here.
/// </remarks>
public sealed record ClientConfigState : IAggregateState<ClientConfigState>
{
    public const string TagType = "m.tag";
    public const string PushRulesType = "m.push_rules";
    public const string DirectType = "m.direct";

    public static ClientConfigState Initial { get; } = new();

    public static bool LastRecordOnly => false;

    public ImmutableDictionary<RoomId, RawJson> RoomIdToTags { get; private init; } =
        ImmutableDictionary<RoomId, RawJson>.Empty;

    public RawJson? PushRules { get; private init; }

    public RawJson? Direct { get; private init; }

    public bool BlocksInvites { get; private init; }

    public ClientConfigState Evolve(IFact fact) => fact switch
    {
        AccountDataSet { RoomId: { } room, Type: TagType } set =>
            this with { RoomIdToTags = RoomIdToTags.SetItem(room, set.Content) },
        AccountDataSet { RoomId: null, Type: PushRulesType } set => this with { PushRules = set.Content },
        AccountDataSet { RoomId: null, Type: DirectType } set => this with { Direct = set.Content },
        AccountDataSet { RoomId: null, Type: InvitePermission.Type } set =>
            this with { BlocksInvites = InvitePermission.Blocks(set.Content.Utf8) },
        _ => this,
    };
}
