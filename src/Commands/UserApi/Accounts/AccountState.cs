using System.Collections.Immutable;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;

namespace Matrix.EventSourced.Commands.UserApi.Accounts;

/// <summary>What the stream <c>user-…</c> says: the account, its devices, its profile, its filters.</summary>
/// <remarks>Shape: all maps ordinal by key; Devices map id to display name; Profile maps field to raw JSON.</remarks>
public sealed record AccountState : IAggregateState<AccountState>
{
    public static AccountState Initial { get; } = new();

    public static bool LastRecordOnly => false;

    public bool Exists { get; private init; }

    public AccountKind Kind { get; private init; }

    public bool IsAdmin { get; private init; }

    public bool IsLocked { get; private init; }

    public bool IsSuspended { get; private init; }

    public ImmutableSortedDictionary<string, string?> Devices { get; private init; } =
        ImmutableSortedDictionary.Create<string, string?>(StringComparer.Ordinal);

    public ImmutableSortedDictionary<string, RawJson> Profile { get; private init; } =
        ImmutableSortedDictionary.Create<string, RawJson>(StringComparer.Ordinal);

    public ImmutableHashSet<string> FilterIds { get; private init; } = ImmutableHashSet.Create<string>(
        StringComparer.Ordinal);

    /// <summary>The pushers, by app and key; the value is the device that each belongs to, and what it is.</summary>
    public ImmutableDictionary<PusherKey, (string DeviceId, RawJson Pusher)> Pushers { get; private init; } =
        ImmutableDictionary<PusherKey, (string DeviceId, RawJson Pusher)>.Empty;

    public AccountState Evolve(IFact fact) => fact switch
    {
        AccountRegistered registered =>
            this with { Exists = true, Kind = registered.Kind, IsAdmin = registered.IsAdmin },
        DeviceCreated created => this with { Devices = Devices.SetItem(created.DeviceId, created.DisplayName) },
        DeviceRenamed renamed when Devices.ContainsKey(renamed.DeviceId) =>
            this with { Devices = Devices.SetItem(renamed.DeviceId, renamed.DisplayName) },
        DeviceDeleted deleted => this with
        {
            Devices = Devices.Remove(deleted.DeviceId),
            Pushers = Pushers.RemoveRange(
                Pushers.Where(one => one.Value.DeviceId == deleted.DeviceId).Select(one => one.Key)),
        },
        PusherSet set => this with
        {
            Pushers = Pushers.SetItem(new PusherKey(set.AppId, set.PushKey), (set.DeviceId, set.Pusher)),
        },
        PusherDeleted deleted => this with
        {
            Pushers = Pushers.Remove(new PusherKey(deleted.AppId, deleted.PushKey)),
        },
        AccountLocked changed => this with { IsLocked = changed.IsLocked },
        AccountSuspended changed => this with { IsSuspended = changed.IsSuspended },
        ProfileChanged { Value: { } value } changed => this with { Profile = Profile.SetItem(changed.Field, value) },
        ProfileChanged changed => this with { Profile = Profile.Remove(changed.Field) },
        FilterStored stored => this with { FilterIds = FilterIds.Add(stored.FilterId) },
        _ => this,
    };
}

/// <summary>What names a pusher within its account.</summary>
public readonly record struct PusherKey(string AppId, string PushKey);
