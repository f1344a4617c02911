using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.UserApi;

/// <summary>A device as its owner sees it.</summary>
public sealed record Device(string DeviceId, string? DisplayName);

/// <summary>The devices of this server's users.</summary>
public interface IDeviceQueries
{
    /// <summary>All devices of a user, in the order of their ids.</summary>
    ValueTask<IReadOnlyList<Device>> AllAsync(UserId user, CancellationToken cancellationToken);

    ValueTask<Device?> FindAsync(UserId user, string deviceId, CancellationToken cancellationToken);
}
