using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;

namespace Matrix.EventSourced.Protocol.EventAuth;

/// <summary>Rule 1: the create event.</summary>
internal static class CreateRules
{
    public static AuthOutcome Check(Pdu pdu)
    {
        var numbers = AuthRuleNumbers.Of(pdu.Rules);
        // 1.1
        if (pdu.PrevEvents.Count > 0)
            return numbers.Refuse(AuthRule.CreateHasNoPrevEvents, "A create event has no prev_events.");
        // 1.2
        if (pdu.Rules.RoomIdIsCreateHash)
        {
            if (pdu.HasRoomId)
                return numbers.Refuse(AuthRule.CreateRoomId, "A create event has no room_id in this room version.");
        }
        else if (!ContentReading.HaveSameDomain(pdu.RoomId.Value, pdu.Sender.Value))
        {
            return numbers.Refuse(AuthRule.CreateRoomId, "The domain of the room_id is not that of the sender.");
        }
        // 1.3
        if (pdu.Content.TryFind("room_version"u8, out var version)
            && (version.ValueKind != JsonValueKind.String || RoomVersionRules.Find(version.GetString()!) is null))
        {
            return numbers.Refuse(AuthRule.CreateRoomVersion, "The room_version is not a version that is known.");
        }
        // 1.4, up to version 10.
        if (!pdu.Rules.CreatorIsSender && !pdu.Content.TryFind("creator"u8, out _))
            return numbers.Refuse(AuthRule.CreateCreator, "The create event names no creator.");
        // 1.4, version 12.
        if (pdu.Rules.CreatorsHaveInfinitePower && !HasValidAdditionalCreators(pdu.Content))
            return numbers.Refuse(
                AuthRule.CreateAdditionalCreators, "The additional_creators are not a list of user ids.");
        // 1.5
        return numbers.Allow(AuthRule.CreateOtherwise);
    }

    private static bool HasValidAdditionalCreators(JsonElement content)
    {
        if (!content.TryFind("additional_creators"u8, out var creators))
            return true;
        if (creators.ValueKind != JsonValueKind.Array)
            return false;
        foreach (var creator in creators.EnumerateArray())
        {
            if (creator.ValueKind != JsonValueKind.String || !UserId.TryParse(creator.GetString(), out _))
                return false;
        }
        return true;
    }
}
