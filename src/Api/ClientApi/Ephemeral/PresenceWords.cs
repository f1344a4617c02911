using Matrix.EventSourced.Facts.EduServer;

namespace Matrix.EventSourced.Api.ClientApi.Ephemeral;

/// <summary>The spec's words for presence.</summary>
internal static class PresenceWords
{
    public static bool TryParse(string? word, out PresenceState presence)
    {
        (presence, var isKnown) = word switch
        {
            "online" => (PresenceState.Online, true),
            "unavailable" => (PresenceState.Unavailable, true),
            "offline" => (PresenceState.Offline, true),
            _ => (PresenceState.Offline, false),
        };
        return isKnown;
    }

    public static string Of(PresenceState presence) => presence switch
    {
        PresenceState.Online => "online",
        PresenceState.Unavailable => "unavailable",
        _ => "offline",
    };
}
