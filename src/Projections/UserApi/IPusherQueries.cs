using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.UserApi;

/// <summary>Pushers of this server's users.</summary>
/// <remarks>Requires: the caller went through the gate of the <c>userapi</c> projection.</remarks>
public interface IPusherQueries
{
    /// <summary>What a user sees of their pushers, in the order in which they were last changed.</summary>
    ValueTask<IReadOnlyList<ReadOnlyMemory<byte>>> AllAsync(UserId user, CancellationToken cancellationToken);

    /// <summary>The users who have a pusher of this app and key.</summary>
    ValueTask<IReadOnlyList<UserId>> OwnersAsync(string appId, string pushKey, CancellationToken cancellationToken);
}
