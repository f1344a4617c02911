using Matrix.EventSourced.Federation.ServerKeyApi;
using Matrix.EventSourced.Projections.Audit;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Api.Adapters;

/// <summary>The keys that this server can check signatures of its log with.</summary>
internal sealed class AuditedKeys(ServerIdentity identity, RetiredKeys retired) : IAuditedKeys
{
    private readonly ServerKeys _own = Own(identity, retired);

    public ServerName Self => identity.Name;

    public ServerKeys? Find(ServerName server) => server == identity.Name ? _own : null;

    private static ServerKeys Own(ServerIdentity identity, RetiredKeys retired)
    {
        var publicKey = new byte[32];
        UnpaddedBase64.TryDecodeExact(identity.Key.PublicKeyBase64, publicKey);
        var key = new VerifyKey(identity.Key.KeyId, publicKey, null);
        return new ServerKeys(
            identity.Name,
            new Dictionary<KeyId, VerifyKey> { [key.KeyId] = key },
            retired.Keys.Where(old => old.KeyId != key.KeyId).ToDictionary(old => old.KeyId),
            long.MaxValue);
    }
}
