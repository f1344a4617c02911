using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Api.Adapters;

/// <summary>The Roomserver's ports over the queries of its projection.</summary>
internal sealed class RoomserverPorts(IRoomserverQueries queries, IRoomGraphQueries graph, PduReads pdus)
    : IPduStore, ITransactionLog, IMembershipLookup, IStandingLookup, IRoomGraph, IRoomBans
{
    public async ValueTask<IReadOnlyList<StoredPdu>> FindAsync(IReadOnlyList<EventId> eventIds)
    {
        var found = await pdus.FindAsync(eventIds);
        var stored = new StoredPdu[found.Count];
        for (var i = 0; i < found.Count; i++)
        {
            var pdu = found[i];
            stored[i] = new StoredPdu(
                pdu.EventId, pdu.RoomId, pdu.RoomVersion, pdu.Json, pdu.Disposition, pdu.IsRedacted)
            {
                StateBefore = pdu.StateBefore,
                StrippedState = pdu.StrippedState,
            };
        }
        return stored;
    }

    public ValueTask<EventId?> FindAsync(
        RoomId roomId, UserId userId, string deviceId, string scope, string transactionId) =>
        queries.FindTransactionAsync(roomId, userId, deviceId, scope, transactionId);

    public ValueTask<IReadOnlyList<StateEntry>> CitedByAsync(RoomId roomId, EventId eventId) =>
        graph.CitedByAsync(roomId, eventId, CancellationToken.None);

    public ValueTask<IReadOnlyList<UserId>> FindAsync(RoomId roomId, int limit) =>
        graph.BannedAsync(roomId, limit, CancellationToken.None);

    public ValueTask<IReadOnlyList<RoomAlias>> AliasesAsync(RoomId roomId) => queries.AliasesOfAsync(roomId);

    public ValueTask<IReadOnlyList<EventId>> MissingLinksAsync(RoomId roomId) =>
        graph.MissingLinksAsync(roomId, CancellationToken.None);

    public async ValueTask<IReadOnlyList<RedactionInWaiting>> RedactionsInWaitingAsync(RoomId roomId)
    {
        var found = await graph.RedactionsInWaitingAsync(roomId, CancellationToken.None);
        return [.. found.Select(waiting => new RedactionInWaiting(waiting.Target, waiting.Redaction))];
    }

    public ValueTask<IReadOnlyList<RoomId>> JoinedRoomsAsync(UserId userId) => queries.JoinedRoomsAsync(userId);

    public ValueTask<IReadOnlyList<RoomId>> RoomsOfAsync(UserId userId) => queries.RoomsOfAsync(userId);
}

/// <summary>The state store's port over its table.</summary>
internal sealed class StateNodeStore(StateNodeTable table) : IStateNodeStore
{
    public ValueTask<ReadOnlyMemory<byte>?> FindAsync(StateRoot hash) => table.FindAsync(hash);

    public ValueTask WriteAsync(IReadOnlyList<KeyValuePair<StateRoot, ReadOnlyMemory<byte>>> nodes) =>
        table.WriteAsync(nodes);
}

/// <summary>What member events say of a user, from the UserAPI's projection.</summary>
/// <remarks>Waits at the gate: a profile is carried into rooms before the request that changed it has waited for its
/// projection.</remarks>
internal sealed class ProfileLookup(IProfileQueries profiles, IProjectionGate gate) : IProfileLookup
{
    public async ValueTask<MemberProfile> FindAsync(UserId userId)
    {
        await gate.WaitForHeadAsync(UserApiProjection.Gate, CancellationToken.None);
        return await profiles.FindAsync(userId, CancellationToken.None) is { } profile
            ? new MemberProfile(profile.DisplayName, profile.AvatarUrl)
            : MemberProfile.Empty;
    }
}
