using System.Collections.Immutable;
using Matrix.EventSourced.Federation.IdentityProviders;

namespace Matrix.EventSourced.Api.ClientApi.Sso;

/// <summary>The identity providers of this server, in the order of their files.</summary>
internal sealed class IdentityProviders(ImmutableArray<IdentityProvider> all)
{
    public static readonly IdentityProviders None = new([]);

    public ImmutableArray<IdentityProvider> All => all;

    public IdentityProvider? Find(string id) => all.FirstOrDefault(one => one.Id == id);
}
