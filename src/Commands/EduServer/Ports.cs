using System.Collections.Immutable;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.EduServer;

/// <summary>What the EduServer asks of its read side.</summary>
/// <remarks>Ensures: every answer sees all appends that returned before the call.</remarks>
public interface IEduLookup
{
    /// <summary>Every room in which somebody types.</summary>
    ValueTask<IReadOnlyList<(RoomId RoomId, ImmutableArray<Typist> Typists)>> TypingRoomsAsync(
        CancellationToken cancellationToken);

    /// <summary>Up to where a user has read a room, in one thread; null where nothing says so.</summary>
    ValueTask<KnownReceipt?> FindReceiptAsync(RoomId roomId, UserId userId, string type, string? threadId);

    /// <summary>The presence of everybody who is not offline.</summary>
    ValueTask<IReadOnlyList<PresenceChanged>> PresentUsersAsync(CancellationToken cancellationToken);
}

/// <summary>A receipt that is recorded. Units: Ts, Unix milliseconds.</summary>
public sealed record KnownReceipt(EventId EventId, long Ts);
