using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.DelayedEvents;
using Matrix.EventSourced.Protocol.RoomVersions;

namespace Matrix.EventSourced.Api.WellKnown;

/// <summary>What this server can do, where the spec leaves it the choice.</summary>
internal static class Capabilities
{
    public static readonly EndpointSpec Spec = new(
        "GET", "/_matrix/client/v3/capabilities", AuthKind.AccessToken, RateClass.Read,
        "client-server-api#get_matrixclientv3capabilities")
    { GuestsAllowed = true };

    public static void Map(EndpointTable table) => table.Add(
        Spec,
        static request => new(new MatrixResponse.Json(writer =>
            Write(writer, request.Requester, request.Get<DelayedEventOptions>()))));

    /// <remarks>A guest has no password, and so nothing that asks for one.</remarks>
    private static void Write(Utf8JsonWriter writer, Requester requester, DelayedEventOptions delayed)
    {
        writer.WriteStartObject();
        writer.WriteStartObject("capabilities");
        writer.WriteStartObject("m.room_versions");
        writer.WriteString("default", RoomVersionRules.DefaultVersion);
        writer.WriteStartObject("available");
        foreach (var rules in RoomVersionRules.All)
            writer.WriteString(rules.Version, "stable");
        writer.WriteEndObject();
        writer.WriteEndObject();
        WriteProfileFields(writer, requester);
        // Follow m.profile_fields. Spec: client-server-api #mset_displayname-capability.
        WriteFlag(writer, "m.set_displayname", true);
        WriteFlag(writer, "m.set_avatar_url", !requester.IsGuest);
        // A session of the OAuth API does neither; the account page does.
        var isLegacy = !requester.IsGuest && requester.ClientId is null;
        WriteFlag(writer, "m.change_password", isLegacy);
        WriteFlag(writer, "m.3pid_changes", false);
        WriteFlag(writer, "m.get_login_token", isLegacy);
        WriteFlag(writer, "m.forget_forced_upon_leave", false);
        WriteDelayedEvents(writer, "m.delayed_events", delayed);
        WriteDelayedEvents(writer, "org.matrix.msc4140.delayed_events", delayed);
        if (requester.IsAdmin)
        {
            writer.WriteStartObject("m.account_moderation");
            writer.WriteBoolean("suspend", true);
            writer.WriteBoolean("lock", true);
            writer.WriteEndObject();
        }
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    /// <summary>Guests may change their display name alone. Spec: v1.19 client-server-api #guest-access.</summary>
    private static void WriteProfileFields(Utf8JsonWriter writer, Requester requester)
    {
        writer.WriteStartObject("m.profile_fields");
        writer.WriteBoolean("enabled", true);
        if (requester.IsGuest)
        {
            writer.WriteStartArray("allowed");
            writer.WriteStringValue("displayname");
            writer.WriteEndArray();
        }
        writer.WriteEndObject();
    }

    private static void WriteDelayedEvents(Utf8JsonWriter writer, string name, DelayedEventOptions delayed)
    {
        writer.WriteStartObject(name);
        writer.WriteNumber("max_delay_ms", delayed.DelayMaxMs);
        writer.WriteNumber("max_scheduled", delayed.ScheduledMax);
        writer.WriteEndObject();
    }

    private static void WriteFlag(Utf8JsonWriter writer, string name, bool enabled)
    {
        writer.WriteStartObject(name);
        writer.WriteBoolean("enabled", enabled);
        writer.WriteEndObject();
    }
}
