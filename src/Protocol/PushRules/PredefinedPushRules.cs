using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Protocol.PushRules;

/// <summary>The push rules that every user has from the start.</summary>
/// <remarks>Spec: v1.19 client-server-api #predefined-rules, in the order in which they are tried.</remarks>
public static class PredefinedPushRules
{
    /// <summary>Where the rules name the user; no user id of this server holds it.</summary>
    private const string UserPlaceholder = "@@";

    private const string Template =
        """
        {"global":{"content":[],"override":[
        {"actions":[],"conditions":[],"default":true,"enabled":false,"rule_id":".m.rule.master"},
        {"actions":[],"conditions":[{"kind":"event_match","key":"content.msgtype","pattern":"m.notice"}],
        "default":true,"enabled":true,"rule_id":".m.rule.suppress_notices"},
        {"actions":["notify",{"set_tweak":"sound","value":"default"}],
        "conditions":[{"key":"type","kind":"event_match","pattern":"m.room.member"},
        {"key":"content.membership","kind":"event_match","pattern":"invite"},
        {"key":"state_key","kind":"event_match","pattern":"@@"}],
        "default":true,"enabled":true,"rule_id":".m.rule.invite_for_me"},
        {"actions":[],"conditions":[{"key":"type","kind":"event_match","pattern":"m.room.member"}],
        "default":true,"enabled":true,"rule_id":".m.rule.member_event"},
        {"actions":["notify",{"set_tweak":"sound","value":"default"},{"set_tweak":"highlight"}],
        "conditions":[{"kind":"event_property_contains","key":"content.m\\.mentions.user_ids","value":"@@"}],
        "default":true,"enabled":true,"rule_id":".m.rule.is_user_mention"},
        {"actions":["notify",{"set_tweak":"highlight"}],
        "conditions":[{"kind":"event_property_is","key":"content.m\\.mentions.room","value":true},
        {"kind":"sender_notification_permission","key":"room"}],
        "default":true,"enabled":true,"rule_id":".m.rule.is_room_mention"},
        {"actions":["notify",{"set_tweak":"highlight"}],
        "conditions":[{"kind":"event_match","key":"type","pattern":"m.room.tombstone"},
        {"kind":"event_match","key":"state_key","pattern":""}],
        "default":true,"enabled":true,"rule_id":".m.rule.tombstone"},
        {"actions":[],"conditions":[{"kind":"event_match","key":"type","pattern":"m.reaction"}],
        "default":true,"enabled":true,"rule_id":".m.rule.reaction"},
        {"actions":[],"conditions":[{"kind":"event_match","key":"type","pattern":"m.room.server_acl"},
        {"kind":"event_match","key":"state_key","pattern":""}],
        "default":true,"enabled":true,"rule_id":".m.rule.room.server_acl"},
        {"actions":[],
        "conditions":[{"kind":"event_property_is","key":"content.m\\.relates_to.rel_type","value":"m.replace"}],
        "default":true,"enabled":true,"rule_id":".m.rule.suppress_edits"}
        ],"room":[],"sender":[],"underride":[
        {"actions":["notify",{"set_tweak":"sound","value":"ring"}],
        "conditions":[{"key":"type","kind":"event_match","pattern":"m.call.invite"}],
        "default":true,"enabled":true,"rule_id":".m.rule.call"},
        {"actions":["notify",{"set_tweak":"sound","value":"default"}],
        "conditions":[{"kind":"room_member_count","is":"2"},
        {"kind":"event_match","key":"type","pattern":"m.room.encrypted"}],
        "default":true,"enabled":true,"rule_id":".m.rule.encrypted_room_one_to_one"},
        {"actions":["notify",{"set_tweak":"sound","value":"default"}],
        "conditions":[{"kind":"room_member_count","is":"2"},
        {"kind":"event_match","key":"type","pattern":"m.room.message"}],
        "default":true,"enabled":true,"rule_id":".m.rule.room_one_to_one"},
        {"actions":["notify"],"conditions":[{"kind":"event_match","key":"type","pattern":"m.room.message"}],
        "default":true,"enabled":true,"rule_id":".m.rule.message"},
        {"actions":["notify"],"conditions":[{"kind":"event_match","key":"type","pattern":"m.room.encrypted"}],
        "default":true,"enabled":true,"rule_id":".m.rule.encrypted"}
        ]}}
        """;

    /// <summary>Without the line breaks, which are for readers of this file only.</summary>
    private static readonly string OneLine = Template.ReplaceLineEndings(string.Empty);

    /// <summary>The rules of this user, before they changed any.</summary>
    public static PushRuleset For(UserId user) => PushRuleset.Read(JsonElement.Parse(
        OneLine.Replace(UserPlaceholder, JsonEncodedText.Encode(user.Value).ToString(), StringComparison.Ordinal)));
}
