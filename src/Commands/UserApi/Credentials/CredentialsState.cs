using System.Collections.Immutable;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;

namespace Matrix.EventSourced.Commands.UserApi.Credentials;

/// <summary>What lets a user in, as the last record of <c>credentials-…</c> says.</summary>
/// <remarks>Shape: Tokens, at most one per device, in the order of issue.</remarks>
public sealed record CredentialsState : IAggregateState<CredentialsState>
{
    public static CredentialsState Initial { get; } = new();

    public static bool LastRecordOnly => true;

    public bool Exists { get; private init; }

    public string? PasswordHash { get; private init; }

    public ImmutableArray<StoredAccessToken> Tokens { get; private init; } = [];

    public bool IsDeactivated { get; private init; }

    /// <summary>Who gets in through an identity provider.</summary>
    public ImmutableArray<UpstreamLink> UpstreamLinks { get; private init; } = [];

    public CredentialsState Evolve(IFact fact) => fact is CredentialsChanged changed
        ? new CredentialsState
        {
            Exists = true,
            PasswordHash = changed.PasswordHash,
            Tokens = changed.AccessTokens.IsDefault ? [] : changed.AccessTokens,
            IsDeactivated = changed.IsDeactivated,
            UpstreamLinks = changed.UpstreamLinks.IsDefault ? [] : changed.UpstreamLinks,
        }
        : this;
}
