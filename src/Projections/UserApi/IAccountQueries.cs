using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.UserApi;

/// <summary>An account of this server.</summary>
public sealed record Account(UserId UserId, bool IsGuest, bool IsAdmin, bool IsDeactivated)
{
    public bool IsLocked { get; init; }

    public bool IsSuspended { get; init; }
}

/// <summary>Accounts of this server, and the rooms that they forgot.</summary>
public interface IAccountQueries
{
    ValueTask<Account?> FindAsync(UserId user, CancellationToken cancellationToken);

    /// <summary>Those of the users who are guests, in the order in which they were given.</summary>
    ValueTask<IReadOnlyList<UserId>> GuestsAmongAsync(
        IReadOnlyList<UserId> users, CancellationToken cancellationToken);
}
