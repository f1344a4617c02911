using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Federation.Transport;

// Directories, profiles, devices, versions. Answers that are passed on are JSON objects as they came.
public sealed partial class FederationClient
{
    public ValueTask<FederationResult<RemoteAlias>> QueryDirectoryAsync(
        ServerName destination, RoomAlias alias, CancellationToken cancellationToken) =>
        SendAsync(
            Get(destination, Query($"{V1}/query/directory", ("room_alias", alias.Value))),
            AnswerReading.Alias,
            cancellationToken);

    /// <param name="destination">The user's server.</param>
    /// <param name="userId">The user.</param>
    /// <param name="field">One field of the profile, or null for all of it.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public ValueTask<FederationResult<RemoteObject>> QueryProfileAsync(
        ServerName destination, UserId userId, string? field, CancellationToken cancellationToken) =>
        SendAsync(
            Get(destination, Query($"{V1}/query/profile", ("user_id", userId.Value), ("field", field))),
            AnswerReading.Object,
            cancellationToken);

    public ValueTask<FederationResult<RemoteObject>> PublicRoomsAsync(
        ServerName destination,
        int? limit,
        string? since,
        bool includeAllNetworks,
        string? thirdPartyInstanceId,
        CancellationToken cancellationToken) =>
        SendAsync(
            Get(destination, Query(
                $"{V1}/publicRooms",
                ("limit", limit is { } count ? Text(count) : null),
                ("since", since),
                ("include_all_networks", includeAllNetworks ? Text(true) : null),
                ("third_party_instance_id", thirdPartyInstanceId))),
            AnswerReading.Object,
            cancellationToken);

    /// <summary>The public rooms that match a filter. Shape: content, the request's body in canonical form.</summary>
    public ValueTask<FederationResult<RemoteObject>> PublicRoomsAsync(
        ServerName destination, ReadOnlyMemory<byte> content, CancellationToken cancellationToken) =>
        SendAsync(Post(destination, $"{V1}/publicRooms", content), AnswerReading.Object, cancellationToken);

    public ValueTask<FederationResult<RemoteObject>> HierarchyAsync(
        ServerName destination, RoomId roomId, bool suggestedOnly, CancellationToken cancellationToken) =>
        SendAsync(
            Get(destination, Query(
                Path($"{V1}/hierarchy", roomId.Value), ("suggested_only", Text(suggestedOnly)))),
            AnswerReading.Object,
            cancellationToken);

    public ValueTask<FederationResult<RemoteObject>> UserDevicesAsync(
        ServerName destination, UserId userId, CancellationToken cancellationToken) =>
        SendAsync(
            Get(destination, Path($"{V1}/user/devices", userId.Value)), AnswerReading.Object, cancellationToken);

    /// <summary>Keys of devices. Shape: content, the request's body in canonical form.</summary>
    public ValueTask<FederationResult<RemoteObject>> QueryKeysAsync(
        ServerName destination, ReadOnlyMemory<byte> content, CancellationToken cancellationToken) =>
        SendAsync(Post(destination, $"{V1}/user/keys/query", content), AnswerReading.Object, cancellationToken);

    /// <inheritdoc cref="QueryKeysAsync"/>
    public ValueTask<FederationResult<RemoteObject>> ClaimKeysAsync(
        ServerName destination, ReadOnlyMemory<byte> content, CancellationToken cancellationToken) =>
        SendAsync(Post(destination, $"{V1}/user/keys/claim", content), AnswerReading.Object, cancellationToken);

    public ValueTask<FederationResult<RemoteObject>> VersionAsync(
        ServerName destination, CancellationToken cancellationToken) =>
        SendAsync(
            Get(destination, $"{V1}/version") with
            {
                IsSigned = false,
                BodyBytesMax = FederationLimits.SmallBodyBytesMax,
            },
            AnswerReading.Object,
            cancellationToken);

    /// <summary>Whom an OpenID token belongs to.</summary>
    public ValueTask<FederationResult<RemoteObject>> OpenIdUserInfoAsync(
        ServerName destination, string accessToken, CancellationToken cancellationToken) =>
        SendAsync(
            Get(destination, Query($"{V1}/openid/userinfo", ("access_token", accessToken))) with
            {
                IsSigned = false,
                BodyBytesMax = FederationLimits.SmallBodyBytesMax,
            },
            AnswerReading.Object,
            cancellationToken);

    /// <summary>A server's own keys.</summary>
    public ValueTask<FederationResult<RemoteObject>> ServerKeysAsync(
        ServerName destination, CancellationToken cancellationToken) =>
        SendAsync(
            Get(destination, "/_matrix/key/v2/server") with
            {
                IsSigned = false,
                BodyBytesMax = FederationLimits.SmallBodyBytesMax,
            },
            AnswerReading.Object,
            cancellationToken);

    /// <summary>Keys of other servers from a notary. Shape: content, the request's body in canonical form.</summary>
    public ValueTask<FederationResult<RemoteObject>> QueryNotaryAsync(
        ServerName notary, ReadOnlyMemory<byte> content, CancellationToken cancellationToken) =>
        SendAsync(
            Post(notary, "/_matrix/key/v2/query", content) with { IsSigned = false },
            AnswerReading.Object,
            cancellationToken);
}

/// <summary>A JSON object as it came.</summary>
public sealed record RemoteObject(JsonElement Json);
