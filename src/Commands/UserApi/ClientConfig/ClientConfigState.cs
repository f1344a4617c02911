using System.Collections.Immutable;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.UserApi.ClientConfig;

/// <summary>What the stream <c>accountdata-…</c> says of the types that are decided on: tags and push rules.</summary>
/// <remarks>
/// Shape: RoomIdToTags maps a room to the content of its <c>m.tag</c>; PushRules is the content of
/// <c>m.push_rules</c>, null until the user changed any. All other account data is only recorded, and not kept here.
/// </remarks>
public sealed record ClientConfigState : IAggregateState<ClientConfigState>
{
    public const string TagType = "m.tag";
    public const string PushRulesType = "m.push_rules";

    public static ClientConfigState Initial { get; } = new();

    public static bool LastRecordOnly => false;

    public ImmutableDictionary<RoomId, RawJson> RoomIdToTags { get; private init; } =
        ImmutableDictionary<RoomId, RawJson>.Empty;

    public RawJson? PushRules { get; private init; }

    public ClientConfigState Evolve(IFact fact) => fact switch
    {
        AccountDataSet { RoomId: { } room, Type: TagType } set =>
            this with { RoomIdToTags = RoomIdToTags.SetItem(room, set.Content) },
        AccountDataSet { RoomId: null, Type: PushRulesType } set => this with { PushRules = set.Content },
        _ => this,
    };
}
