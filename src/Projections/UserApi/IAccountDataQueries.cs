using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.UserApi;

/// <summary>
/// A user's account data. Shape: RoomId null is global; ContentUtf8 is the content object as it was given; Position is
/// that of its last change.
/// </summary>
public sealed record AccountDataEntry(
    RoomId? RoomId, string Type, ReadOnlyMemory<byte> ContentUtf8, LogPosition Position);

/// <summary>What /sync and the account data endpoints ask.</summary>
/// <remarks>
/// <c>m.push_rules</c> is among the answers though no fact says it before the user changes a rule: until then its entry
/// stands at the position of the account's registration. Predefined rules are always those of today.
/// Requires: the caller went through the gate of the <c>userapi</c> projection.
/// </remarks>
public interface IAccountDataQueries
{
    /// <summary>All that changed after one position and up to another (inclusive), in the order of the log.</summary>
    ValueTask<IReadOnlyList<AccountDataEntry>> ChangedAsync(
        UserId user, LogPosition afterPosition, LogPosition upTo, CancellationToken cancellationToken);

    /// <summary>All account data of a user, global and per room, in the order of the log.</summary>
    ValueTask<IReadOnlyList<AccountDataEntry>> AllAsync(UserId user, CancellationToken cancellationToken);

    /// <summary>The content of one type, or null.</summary>
    ValueTask<ReadOnlyMemory<byte>?> FindAsync(
        UserId user, RoomId? room, string type, CancellationToken cancellationToken);
}
