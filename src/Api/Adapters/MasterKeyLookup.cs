using Matrix.EventSourced.Api.ClientApi.Keys;
using Matrix.EventSourced.Commands.KeyServer;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.Adapters;

/// <summary>Master keys of users, here and elsewhere, for who signs them.</summary>
internal sealed class MasterKeyLookup(KeyQuery query) : IMasterKeyLookup
{
    /// <summary>LIMIT: how long another server may take. Ours: the client waits.</summary>
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    public async ValueTask<RawJson?> FindMasterKeyAsync(UserId user, CancellationToken cancellationToken) =>
        (await query.FindAsync([user], viewer: null, Timeout, cancellationToken))
            .Users.GetValueOrDefault(user)?.MasterKey;
}
