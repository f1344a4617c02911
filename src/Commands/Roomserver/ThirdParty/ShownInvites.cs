using System.Text.Json;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Commands.Roomserver.ThirdParty;

/// <summary>What of a room and its inviting user goes to identity servers, into the room, and to other
/// servers.</summary>
/// <remarks>Spec: v1.19 identity-service-api #post_matrixidentityv2store-invite; client-server-api
/// #third-party-invites; server-server-api #put_matrixfederationv1exchange_third_party_inviteroomid.</remarks>
internal static class ShownInvites
{
    private static readonly StateTuple Name = new(EventTypes.Name, string.Empty);
    private static readonly StateTuple Avatar = new(EventTypes.Avatar, string.Empty);

    public static async ValueTask LoadAsync(IRoomLoader loader, UserId sender)
    {
        foreach (var tuple in new[]
        {
            RoomTuples.Member(sender), RoomTuples.CanonicalAlias, RoomTuples.JoinRules, Name, Avatar,
        })
            await loader.LoadAsync(tuple);
    }

    /// <summary>Requires: the view was loaded with <see cref="LoadAsync"/>.</summary>
    public static ShownInvite Of(RoomView view, UserId sender)
    {
        var members = new List<KeyValuePair<string, string>>
        {
            new("room_id", view.RoomId.Value),
            new("sender", sender.Value),
        };
        Add("room_alias", view.Get(RoomTuples.CanonicalAlias), "alias");
        Add("room_avatar_url", view.Get(Avatar), "url");
        Add("room_join_rules", view.Get(RoomTuples.JoinRules), "join_rule");
        Add("room_name", view.Get(Name), "name");
        Add("room_type", view.Create, "type");
        Add("sender_display_name", view.Get(RoomTuples.Member(sender)), "displayname");
        Add("sender_avatar_url", view.Get(RoomTuples.Member(sender)), "avatar_url");
        return new ShownInvite(members);

        void Add(string name, Pdu? pdu, string property)
        {
            if (pdu?.Content.StringOrNull(property) is { } value)
                members.Add(new(name, value));
        }
    }

    /// <summary>The content of <c>m.room.third_party_invite</c>; its first key stands alone, too, for old
    /// servers.</summary>
    public static JsonElement Offer(StoredInvite stored) => JsonContent.Build(json =>
    {
        json.WriteString("display_name"u8, stored.DisplayName);
        json.WriteString("key_validity_url"u8, stored.Keys[0].ValidityUrl);
        json.WriteString("public_key"u8, stored.Keys[0].PublicKey);
        json.WriteStartArray("public_keys"u8);
        foreach (var key in stored.Keys)
        {
            json.WriteStartObject();
            json.WriteString("key_validity_url"u8, key.ValidityUrl);
            json.WriteString("public_key"u8, key.PublicKey);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    });

    /// <summary>The partial invite that the inviting server is asked to complete.</summary>
    public static RawJson Exchange(RoomId roomId, UserId sender, UserId target, JsonElement signed)
    {
        var invite = JsonContent.Build(json =>
        {
            json.WriteStartObject("content"u8);
            json.WriteString("membership"u8, "invite"u8);
            json.WriteStartObject("third_party_invite"u8);
            // The offer, which we do not see, holds the real one; the target is the only name that is at hand.
            json.WriteString("display_name"u8, target.Value);
            json.WritePropertyName("signed"u8);
            signed.WriteTo(json);
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteString("room_id"u8, roomId.Value);
            json.WriteString("sender"u8, sender.Value);
            json.WriteString("state_key"u8, target.Value);
            json.WriteString("type"u8, EventTypes.Member);
        });
        return new RawJson(Protocol.Json.CanonicalJson.Canonicalise(invite));
    }
}
