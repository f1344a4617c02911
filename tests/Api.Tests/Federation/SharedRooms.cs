using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Federation;

/// <summary>What tests of several servers do with the rooms that they share.</summary>
internal static class SharedRooms
{
    /// <summary>LIMIT: long polls until something must have arrived. Each ends as soon as anything comes.</summary>
    private const int PollsMax = 40;

    /// <summary>Waits, by long polls, until the user's /sync shows the event on the room's timeline.</summary>
    public static Task SeesAsync(this TestUser user, string roomId, string eventId) => user.SeesAsync(
        sync => Events(sync, "join", roomId, "timeline").Any(entry => entry.Text("event_id") == eventId),
        $"{user.UserId} does not see {eventId}");

    /// <summary>Waits, by long polls, until the user is invited; answers the stripped state.</summary>
    public static async Task<List<JsonElement>> IsInvitedAsync(this TestUser user, string roomId)
    {
        List<JsonElement> state = [];
        await user.SeesAsync(
            sync => (state = Events(sync, "invite", roomId, "invite_state")).Count > 0,
            $"{user.UserId} is not invited to {roomId}");
        return state;
    }

    public static async Task SeesAsync(
        this TestUser user, Func<JsonElement, bool> isThere, string otherwise, string? filter = null)
    {
        string? since = null;
        for (var poll = 0; poll < PollsMax; poll++)
        {
            var sync = await user.SyncAsync(since, since is null ? 0 : 5_000, filter);
            if (isThere(sync))
                return;
            since = sync.Text("next_batch");
        }
        throw new Xunit.Sdk.XunitException(otherwise);
    }

    /// <summary>The room's current state as the user's server has it: tuple to event id.</summary>
    public static async Task<SortedDictionary<string, string>> StateAsync(this TestUser user, string roomId)
    {
        var state = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var reply = (await user.GetAsync($"/_matrix/client/v3/rooms/{Uri.EscapeDataString(roomId)}/state")).Ok();
        foreach (var entry in reply.EnumerateArray())
            state[$"{entry.Text("type")}|{entry.Text("state_key")}"] = entry.Text("event_id");
        return state;
    }

    public static List<JsonElement> Events(JsonElement sync, string section, string roomId, string part) =>
        sync.TryGetProperty("rooms", out var rooms)
        && rooms.TryGetProperty(section, out var ofSection)
        && ofSection.TryGetProperty(roomId, out var room)
        && room.TryGetProperty(part, out var list)
        && list.TryGetProperty("events", out var events)
            ? [.. events.EnumerateArray()]
            : [];
}
