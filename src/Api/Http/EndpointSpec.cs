namespace Matrix.EventSourced.Api.Http;

/// <summary>Who may call an endpoint.</summary>
public enum AuthKind
{
    /// <summary>Anybody, without a token.</summary>
    None,

    /// <summary>A user's access token is required.</summary>
    AccessToken,

    /// <summary>A token is taken where it is given, and then it must be valid.</summary>
    OptionalAccessToken,

    /// <summary>Another server, which has signed the request. Spec: server-server-api
    /// #request-authentication.</summary>
    Server,
}

/// <summary>Which rate limit counts the request.</summary>
public enum RateClass
{
    None,
    Read,
    Message,
    Login,
    Registration,
    RoomCreation,
    Join,
    Invite,
    Profile,
    Upload,
    UrlPreview,
}

/// <summary>What an endpoint is in the spec's table: method, path, authentication, rate limit, anchor.</summary>
/// <remarks>
/// Shape: Path is the spec's template, <c>/_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}</c>; a trailing
/// parameter may be empty only where the template says <c>{stateKey?}</c>. SpecAnchor names document and heading of the
/// pinned spec version, <c>client-server-api#…</c>.
/// Paths under <c>/_matrix/client/v3</c> answer under <c>r0</c> too.
/// </remarks>
public sealed record EndpointSpec(string Method, string Path, AuthKind Auth, RateClass Rate, string SpecAnchor)
{
    /// <summary>Guests may call it. Spec: client-server-api #guest-access.</summary>
    public bool GuestsAllowed { get; init; }

    /// <summary>Locked users may call it. Spec: client-server-api #account-locking.</summary>
    public bool LockedAllowed { get; init; }

    /// <summary>Suspended users may not call it. Spec: client-server-api #account-suspension.</summary>
    public bool ForbiddenWhileSuspended { get; init; }

    /// <summary>
    /// Further templates with the same parameters: unstable names that a stable endpoint still answers to.
    /// </summary>
    public IReadOnlyList<string> Aliases { get; init; } = [];

    /// <summary>
    /// U+0000 may stand in the body's strings, because the body is kept verbatim and never becomes text in a table.
    /// </summary>
    public bool NulAllowed { get; init; }

    /// <summary>What a request costs shows in its body: the handler counts it, by
    /// <see cref="MatrixRequest.Count"/>.</summary>
    public bool IsCountedByHandler { get; init; }

    /// <summary>A page for people: what it refuses is a page too, and scripts of other sites may not read it.</summary>
    public bool IsPage { get; init; }

    /// <summary>LIMIT: bytes of the request body; more is 413 M_TOO_LARGE.</summary>
    public int BodyBytesMax { get; init; } = 1_048_576;
}
