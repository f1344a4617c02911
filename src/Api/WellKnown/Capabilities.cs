using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Protocol.RoomVersions;

namespace Matrix.EventSourced.Api.WellKnown;

/// <summary>What this server can do, where the spec leaves it the choice.</summary>
internal static class Capabilities
{
    public static readonly EndpointSpec Spec = new(
        "GET", "/_matrix/client/v3/capabilities", AuthKind.AccessToken, RateClass.Read,
        "client-server-api#get_matrixclientv3capabilities")
    { GuestsAllowed = true };

    public static void Map(EndpointTable table) => table.Add(Spec, static _ => new(new MatrixResponse.Json(Write)));

    private static void Write(Utf8JsonWriter writer)
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
        WriteFlag(writer, "m.profile_fields", true);
        // Follow m.profile_fields. Spec: client-server-api #mset_displayname-capability.
        WriteFlag(writer, "m.set_displayname", true);
        WriteFlag(writer, "m.set_avatar_url", true);
        WriteFlag(writer, "m.change_password", true);
        WriteFlag(writer, "m.3pid_changes", false);
        WriteFlag(writer, "m.get_login_token", false);
        WriteFlag(writer, "m.forget_forced_upon_leave", false);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WriteFlag(Utf8JsonWriter writer, string name, bool enabled)
    {
        writer.WriteStartObject(name);
        writer.WriteBoolean("enabled", enabled);
        writer.WriteEndObject();
    }
}
