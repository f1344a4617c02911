using System.Collections.Immutable;
using Matrix.EventSourced.Commands.EduServer;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Projections.EduServer;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.Adapters;

/// <summary>The EduServer's port over the queries of its projection.</summary>
internal sealed class EduLookup(EduReader reader, IProjectionGate gate) : IEduLookup
{
    public async ValueTask<IReadOnlyList<(RoomId RoomId, ImmutableArray<Typist> Typists)>> TypingRoomsAsync(
        CancellationToken cancellationToken)
    {
        await gate.WaitForHeadAsync(EduServerProjection.Gate, cancellationToken);
        return await reader.TypingRoomsAsync(cancellationToken);
    }

    public async ValueTask<KnownReceipt?> FindReceiptAsync(RoomId roomId, UserId userId, string type, string? threadId)
    {
        await gate.WaitForHeadAsync(EduServerProjection.Gate, CancellationToken.None);
        var known = await reader.FindReceiptAsync(roomId, userId, type, threadId, CancellationToken.None);
        return known is var (eventId, ts) ? new KnownReceipt(eventId, ts) : null;
    }

    public async ValueTask<IReadOnlyList<PresenceChanged>> PresentUsersAsync(CancellationToken cancellationToken)
    {
        await gate.WaitForHeadAsync(EduServerProjection.Gate, cancellationToken);
        var present = await reader.PresentUsersAsync(cancellationToken);
        return [.. present.Select(user => new PresenceChanged(
            UserId.Parse(user.UserId),
            user.Presence,
            user.StatusMsg,
            user.LastActiveMs,
            user.IsCurrentlyActive,
            user.LastActiveMs))];
    }
}
