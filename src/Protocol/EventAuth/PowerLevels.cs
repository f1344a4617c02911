using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;

namespace Matrix.EventSourced.Protocol.EventAuth;

/// <summary>The power levels of a room, defaults filled in: who has which, and what needs which.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #mroompower_levels; rooms/v12 #authorisation-rules for creators.
/// Shape: without a power levels PDU the creator has 100, everyone else 0, and state needs 0.
/// Ensures: immutable, safe to share: parse once per power levels PDU.
/// Errors: none; levels that stand for no integer count as not given.
/// Cost: parsing is linear in the content; each question is a look-up without allocation.
/// </remarks>
public sealed class PowerLevels
{
    /// <summary>The level of a creator from room version 12 on: above every level that content can give.</summary>
    public const long Infinite = long.MaxValue;

    private const long CreatorLevelWithoutPowerLevels = 100;

    private readonly Creators _creators;

    private PowerLevels(PowerLevelsContent? content, Creators creators)
    {
        Content = content;
        _creators = creators;
        UsersDefault = content?[NamedLevel.UsersDefault] ?? 0;
        EventsDefault = content?[NamedLevel.EventsDefault] ?? 0;
        StateDefault = content?[NamedLevel.StateDefault] ?? (content is null ? 0 : 50);
        Ban = content?[NamedLevel.Ban] ?? 50;
        Redact = content?[NamedLevel.Redact] ?? 50;
        Kick = content?[NamedLevel.Kick] ?? 50;
        Invite = content?[NamedLevel.Invite] ?? 0;
    }

    public long UsersDefault { get; }

    public long EventsDefault { get; }

    public long StateDefault { get; }

    public long Ban { get; }

    public long Redact { get; }

    public long Kick { get; }

    public long Invite { get; }

    /// <summary>What the PDU says; null when the room has none.</summary>
    internal PowerLevelsContent? Content { get; }

    /// <param name="powerLevels">The power levels PDU of the state in question, or null.</param>
    /// <param name="create">The room's create PDU.</param>
    public static PowerLevels From(Pdu? powerLevels, Pdu create) =>
        new(powerLevels is null ? null
            : new PowerLevelsContent(powerLevels.Content, powerLevels.Rules), Creators.Of(create));

    /// <summary>The level of a user; <see cref="Infinite"/> for a creator from room version 12 on.</summary>
    public long UserLevel(UserId user)
    {
        if (_creators.ArePrivileged && _creators.Contains(user.Value))
            return Infinite;
        if (Content is null)
            return _creators.Contains(user.Value) ? CreatorLevelWithoutPowerLevels : 0;
        return Content.Users.TryGetValue(user.Value, out var level) ? level : UsersDefault;
    }

    /// <summary>The level that sending this type needs.</summary>
    public long EventLevel(string type, bool isState)
    {
        if (Content is not null && Content.Events.TryGetValue(type, out var level))
            return level;
        return isState ? StateDefault : EventsDefault;
    }

    /// <summary>The level that notifying the whole room needs, by the name of the notification: <c>room</c>.</summary>
    public long NotificationLevel(string name) =>
        Content is not null && Content.Notifications.TryGetValue(name, out var level) ? level : 50;
}
