using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.UserApi.OAuth;

/// <summary>What the stream <c>oauthdevice-…</c> says.</summary>
public sealed record DeviceGrantState : IAggregateState<DeviceGrantState>
{
    public static DeviceGrantState Initial { get; } = new();

    public static bool LastRecordOnly => false;

    public OAuthDeviceRequested? Requested { get; private init; }

    public OAuthDeviceDecided? Decided { get; private init; }

    public string? GrantSha256 { get; private init; }

    public DeviceGrantState Evolve(IFact fact) => fact switch
    {
        OAuthDeviceRequested requested => this with { Requested = requested },
        OAuthDeviceDecided decided => this with { Decided = decided },
        OAuthDeviceRedeemed redeemed => this with { GrantSha256 = redeemed.GrantSha256 },
        _ => this,
    };
}

/// <summary>The codes of the device authorisation grant.</summary>
/// <remarks>
/// Shape: a user code is eight consonants, so that no word comes of it, shown with a dash in the middle. A device code
/// is
/// the user code, a dot, and a secret: the one finds the stream, the other proves who asks.
/// </remarks>
public static class DeviceCodes
{
    private const string Alphabet = "BCDFGHJKLMNPQRSTVWXZ";
    private const int Length = 8;

    /// <summary>LIMIT: how long a device waits for its user. Ours: as RFC 8628's example.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(30);

    /// <summary>LIMIT: how often a device asks. Ours: the RFC's default.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    public static string CreateUserCode(IRandom random)
    {
        Span<char> code = stackalloc char[Length];
        Span<byte> one = stackalloc byte[1];
        for (var i = 0; i < Length;)
        {
            random.Fill(one);
            // Each letter is as likely as the others.
            if (one[0] < 256 / Alphabet.Length * Alphabet.Length)
                code[i++] = Alphabet[one[0] % Alphabet.Length];
        }
        return new string(code);
    }

    public static string Shown(string userCode) => $"{userCode[..4]}-{userCode[4..]}";

    /// <summary>The user code that somebody typed, with dashes, spaces and small letters as they like; null for none.
    /// </summary>
    public static string? Typed(string? text)
    {
        if (text is null || text.Length > 64)
            return null;
        var code = string.Concat(text.Where(char.IsAsciiLetter)).ToUpperInvariant();
        return code.Length == Length && code.All(Alphabet.Contains) ? code : null;
    }

    /// <summary>The user code within a device code; null for what is none.</summary>
    public static string? UserCodeOf(string deviceCode) =>
        deviceCode.Length <= AccessTokens.LengthMax && deviceCode.IndexOf('.', StringComparison.Ordinal) == Length
            ? Typed(deviceCode[..Length])
            : null;
}

/// <summary>What a device that asks is told.</summary>
public sealed record DeviceAuthorization(string DeviceCode, string UserCode);

/// <summary>A device without a browser asks to be let in.</summary>
/// <remarks>Spec: v1.19 client-server-api #device-authorisation-flow. Requires: the client is registered.</remarks>
public sealed record RequestDeviceGrant(CommandContext Context, string ClientId, OAuthScope Scope)
    : ICommand<DeviceAuthorization>;

public sealed class RequestDeviceGrantHandler(AggregateStore<DeviceGrantState> grants, IRandom random)
    : IRequestHandler<RequestDeviceGrant, CommandResult<DeviceAuthorization>>
{
    /// <summary>LIMIT: codes tried until one is free. Ours: there are 25,600,000,000.</summary>
    private const int AttemptsMax = 5;

    public async Task<CommandResult<DeviceAuthorization>> Handle(
        RequestDeviceGrant command, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var userCode = DeviceCodes.CreateUserCode(random);
            var deviceCode = $"{userCode}.{AccessTokens.Create(random)}";
            var requested = await grants.ExecuteAsync(
                OAuthStreams.Device(userCode),
                state => state.Requested is not null
                    ? OAuthErrors.InvalidGrant
                    : Decision.Accept(new OAuthDeviceRequested(
                        command.ClientId,
                        command.Scope.DeviceId,
                        command.Scope.Text,
                        AccessTokens.Hash(deviceCode),
                        command.Context.ReceivedAtMs + (long)DeviceCodes.Lifetime.TotalMilliseconds)),
                command.Context,
                cancellationToken);
            if (requested is Execution<DeviceGrantState>.Done || attempt == AttemptsMax)
                return requested.ToResult(new DeviceAuthorization(deviceCode, userCode));
        }
    }
}

/// <summary>Devices that wait to be let in.</summary>
public sealed class DeviceGrants(AggregateStore<DeviceGrantState> grants)
{
    /// <summary>The device that waits under a user code; null for none.</summary>
    public async ValueTask<OAuthDeviceRequested?> FindWaitingAsync(
        string userCode, long nowMs, CancellationToken cancellationToken)
    {
        var state = (await grants.LoadAsync(OAuthStreams.Device(userCode), cancellationToken)).State;
        return state.Decided is null && state.Requested?.ExpiresAtMs > nowMs ? state.Requested : null;
    }
}

/// <summary>A user lets a device in, or not.</summary>
/// <remarks>Errors: M_NOT_FOUND where nothing waits under the code (any more).</remarks>
public sealed record DecideDeviceGrant(CommandContext Context, string UserCode, UserId UserId, bool IsAllowed)
    : ICommand<Unit>;

public sealed class DecideDeviceGrantHandler(AggregateStore<DeviceGrantState> grants)
    : IRequestHandler<DecideDeviceGrant, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(DecideDeviceGrant command, CancellationToken cancellationToken) =>
        (await grants.ExecuteAsync(
            OAuthStreams.Device(command.UserCode),
            state => state.Decided is not null || !(state.Requested?.ExpiresAtMs > command.Context.ReceivedAtMs)
                ? MatrixError.NotFound("No device waits under this code.")
                : Decision.Accept(new OAuthDeviceDecided(command.UserId, command.IsAllowed)),
            command.Context,
            cancellationToken)).ToResult(Unit.Value);
}

/// <summary>A device asks for its tokens.</summary>
/// <remarks>
/// Ensures: a code opens one session at most, as with <see cref="RedeemAuthorizationCode"/>.
/// Errors: invalid_grant, authorization_pending, access_denied, expired_token; M_USER_LOCKED.
/// </remarks>
public sealed record RedeemDeviceGrant(CommandContext Context, string DeviceCode, string ClientId)
    : ICommand<OAuthSession>;

public sealed class RedeemDeviceGrantHandler(
    AggregateStore<DeviceGrantState> grants, OAuthSessions sessions, IRandom random)
    : IRequestHandler<RedeemDeviceGrant, CommandResult<OAuthSession>>
{
    public async Task<CommandResult<OAuthSession>> Handle(
        RedeemDeviceGrant command, CancellationToken cancellationToken)
    {
        if (DeviceCodes.UserCodeOf(command.DeviceCode) is not { } userCode)
            return OAuthErrors.InvalidGrant;
        var grant = OAuthGrant.Create(random, command.ClientId);
        var redeemed = await grants.ExecuteAsync(
            OAuthStreams.Device(userCode),
            state => Decide(state, command, grant.Sha256),
            command.Context,
            cancellationToken);
        if (redeemed is not Execution<DeviceGrantState>.Done done)
            return ((Execution<DeviceGrantState>.Refused)redeemed).Error;
        var requested = done.After.Requested!;
        return await sessions.OpenAsync(
            command.Context, done.After.Decided!.UserId, requested.DeviceId, requested.Scope, grant, cancellationToken);
    }

    /// <summary>Spec: v1.19 client-server-api #device-authorisation-flow; RFC 8628, section 3.5.</summary>
    private static Decision Decide(DeviceGrantState state, RedeemDeviceGrant command, string grantSha256)
    {
        if (state.Requested is not { } requested
            || requested.DeviceCodeSha256 != AccessTokens.Hash(command.DeviceCode)
            || requested.ClientId != command.ClientId
            || state.GrantSha256 is not null)
            return OAuthErrors.InvalidGrant;
        if (requested.ExpiresAtMs <= command.Context.ReceivedAtMs)
            return OAuthErrors.ExpiredToken;
        return state.Decided switch
        {
            null => OAuthErrors.AuthorizationPending,
            { IsAllowed: false } => OAuthErrors.AccessDenied,
            _ => Decision.Accept(new OAuthDeviceRedeemed(grantSha256)),
        };
    }
}
