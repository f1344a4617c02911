using System.Collections.Immutable;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Protocol.AppServices;

/// <summary>An application service, as the administrator registered it.</summary>
/// <remarks>
/// Spec: v1.19 application-service-api #registration.
/// Shape: Url without a trailing slash, null where no traffic is wanted. Sender is the user of
/// <c>sender_localpart</c>; <see cref="OwnsUser"/> counts it in. Of users only this server's own are ever matched.
/// </remarks>
public sealed record AppserviceRegistration
{
    public required string Id { get; init; }

    public string? Url { get; init; }

    public required string AsToken { get; init; }

    public required string HsToken { get; init; }

    public required UserId Sender { get; init; }

    public ImmutableArray<AppserviceNamespace> Users { get; init; } = [];

    public ImmutableArray<AppserviceNamespace> Rooms { get; init; } = [];

    public ImmutableArray<AppserviceNamespace> Aliases { get; init; } = [];

    /// <summary>Whether its users' requests are counted; its sender's never are.</summary>
    public bool IsRateLimited { get; init; } = true;

    public bool ReceivesEphemeral { get; init; }

    /// <summary>Whether it knows ephemeral data by the name of before the spec had it.</summary>
    public bool HasOldEphemeralName { get; init; }

    /// <summary>Whether it hears of device lists and of its devices' keys: it encrypts (MSC3202).</summary>
    public bool TracksDevices { get; init; }

    /// <summary>Whether it gets the messages to its users' devices (MSC4203).</summary>
    public bool ReceivesToDevice => ReceivesEphemeral || TracksDevices;

    public ImmutableArray<string> Protocols { get; init; } = [];

    /// <summary>Whether a user is its sender or in its namespaces.</summary>
    public bool OwnsUser(UserId user) =>
        user == Sender || (user.Server == Sender.Server && IsCovered(Users, user.Value));

    public bool CoversRoom(RoomId room) => IsCovered(Rooms, room.Value);

    public bool CoversAlias(RoomAlias alias) => IsCovered(Aliases, alias.Value);

    /// <summary>Whether a user is its sender, or in a namespace that is nobody else's.</summary>
    public bool HasUserForItself(UserId user) =>
        user == Sender || (user.Server == Sender.Server && IsExclusive(Users, user.Value));

    internal bool HasAliasForItself(RoomAlias alias) => IsExclusive(Aliases, alias.Value);

    private static bool IsCovered(ImmutableArray<AppserviceNamespace> namespaces, string identifier)
    {
        foreach (var one in namespaces)
        {
            if (one.Covers(identifier))
                return true;
        }
        return false;
    }

    private static bool IsExclusive(ImmutableArray<AppserviceNamespace> namespaces, string identifier)
    {
        foreach (var one in namespaces)
        {
            if (one.IsExclusive && one.Covers(identifier))
                return true;
        }
        return false;
    }
}
