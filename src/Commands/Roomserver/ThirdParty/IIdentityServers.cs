using System.Collections.Immutable;
using System.Text.Json;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.Roomserver.ThirdParty;

/// <summary>Identity servers, which know whose a third-party identifier is; the network is behind it.</summary>
/// <remarks>
/// Spec: v1.19 identity-service-api #post_matrixidentityv2lookup, #post_matrixidentityv2store-invite,
/// #get_matrixidentityv2pubkeyisvalid.
/// Errors: values. What an identity server refuses is 403 M_FORBIDDEN, or M_TERMS_NOT_SIGNED where it says so; one that
/// cannot be reached is 502 M_UNKNOWN.
/// </remarks>
public interface IIdentityServers
{
    /// <summary>The user that an address is bound to; null for nobody.</summary>
    ValueTask<(UserId? Bound, MatrixError? Error)> LookUpAsync(ThirdPartyTarget target);

    /// <summary>Has an invite kept until the address is bound.</summary>
    ValueTask<(StoredInvite? Stored, MatrixError? Error)> StoreInviteAsync(ThirdPartyTarget target, ShownInvite invite);

    /// <summary>Whether the key still counts, as the URL that came with it says; false where it does not answer.
    /// </summary>
    ValueTask<bool> IsKeyValidAsync(string validityUrl, string publicKey);
}

/// <summary>Whom an invite is for, and the identity server that the client chose, with the client's token for
/// it.</summary>
public sealed record ThirdPartyTarget(string Medium, string Address, ServerName IdentityServer, string AccessToken);

/// <summary>What the identity server may tell whom it writes to. Shape: the members of its request beyond medium and
/// address, in no order.</summary>
public sealed record ShownInvite(IReadOnlyList<KeyValuePair<string, string>> Members);

/// <summary>An invite as the identity server keeps it.</summary>
/// <remarks>Shape: at least one key; or only BoundTo, where the address was bound since it was looked up.</remarks>
public sealed record StoredInvite(string Token, string DisplayName, ImmutableArray<IdentityKey> Keys)
{
    public UserId? BoundTo { get; init; }
}

/// <summary>An invite that an identity server has signed for a user: what the user shows to come in.</summary>
/// <remarks>Shape: Sender made the offer; Signed is the whole signed object.</remarks>
public sealed record SignedInvite(UserId Sender, JsonElement Signed);

/// <summary>A key that the identity server will sign with, and where it says whether the key still counts. Shape:
/// unpadded base64 of either alphabet.</summary>
public sealed record IdentityKey(string PublicKey, string ValidityUrl);
