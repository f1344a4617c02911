using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi.Credentials;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.UserApi.OAuth;

/// <summary>What the stream <c>oauthcode-…</c> says.</summary>
public sealed record AuthorizationCodeState : IAggregateState<AuthorizationCodeState>
{
    public static AuthorizationCodeState Initial { get; } = new();

    public static bool LastRecordOnly => false;

    public OAuthCodeIssued? Issued { get; private init; }

    /// <summary>The session that the code was exchanged for.</summary>
    public string? GrantSha256 { get; private init; }

    /// <summary>It came again after it was exchanged.</summary>
    public bool IsRepeated { get; private init; }

    public AuthorizationCodeState Evolve(IFact fact) => fact switch
    {
        OAuthCodeIssued issued => this with { Issued = issued },
        OAuthCodeRedeemed redeemed => this with
        {
            GrantSha256 = redeemed.GrantSha256,
            IsRepeated = redeemed.IsRepeated,
        },
        _ => this,
    };
}

/// <summary>Decides what may be written to <c>oauthcode-…</c>. Pure.</summary>
public static class AuthorizationCodeDecider
{
    /// <remarks>
    /// Spec: v1.19 client-server-api #authorisation-code-flow; RFC 6749, section 4.1.3, and RFC 7636, section 4.6.
    /// A code that comes with something wrong is not used up: only its client knows the verifier.
    /// Errors: invalid_grant.
    /// </remarks>
    public static Decision Redeem(AuthorizationCodeState state, RedeemAuthorizationCode command, string grantSha256)
    {
        if (state.Issued is not { } issued)
            return OAuthErrors.InvalidGrant;
        if (state.GrantSha256 is { } before)
            return state.IsRepeated ? OAuthErrors.InvalidGrant
                : Decision.Accept(new OAuthCodeRedeemed(before, IsRepeated: true));
        var isRight = issued.ExpiresAtMs > command.Context.ReceivedAtMs
            && issued.ClientId == command.ClientId
            && issued.RedirectUri == command.RedirectUri
            && Answers(command.CodeVerifier, issued.CodeChallenge);
        return isRight ? Decision.Accept(new OAuthCodeRedeemed(grantSha256)) : OAuthErrors.InvalidGrant;
    }

    /// <summary>Whether a verifier is the one that a challenge was made from, by S256.</summary>
    internal static bool Answers(string verifier, string challenge) =>
        verifier.Length is >= 43 and <= 128
        && verifier.All(one => char.IsAsciiLetterOrDigit(one) || one is '-' or '.' or '_' or '~')
        && CryptographicOperations.FixedTimeEquals(
            Encoding.ASCII.GetBytes(Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(verifier)))),
            Encoding.UTF8.GetBytes(challenge));
}

/// <summary>A user lets a client in; answers the code that it exchanges for tokens.</summary>
/// <remarks>Requires: the user is who they say, the client is registered, the redirect URI is one of its own.</remarks>
public sealed record IssueAuthorizationCode(
    CommandContext Context,
    UserId UserId,
    string ClientId,
    OAuthScope Scope,
    string RedirectUri,
    string CodeChallenge) : ICommand<string>;

public sealed class IssueAuthorizationCodeHandler(AggregateStore<AuthorizationCodeState> codes, IRandom random)
    : IRequestHandler<IssueAuthorizationCode, CommandResult<string>>
{
    /// <summary>LIMIT: how long a code works. Ours: RFC 6749 recommends ten minutes at most; it is exchanged at once.
    /// </summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(5);

    public async Task<CommandResult<string>> Handle(IssueAuthorizationCode command, CancellationToken cancellationToken)
    {
        var code = AccessTokens.Create(random);
        var issued = await codes.ExecuteAsync(
            OAuthStreams.Code(AccessTokens.Hash(code)),
            _ => Decision.Accept(new OAuthCodeIssued(
                command.UserId,
                command.ClientId,
                command.Scope.DeviceId,
                command.Scope.Text,
                command.RedirectUri,
                command.CodeChallenge,
                command.Context.ReceivedAtMs + (long)Lifetime.TotalMilliseconds)),
            command.Context,
            cancellationToken);
        return issued.ToResult(code);
    }
}

/// <summary>A client exchanges its code for a session.</summary>
/// <remarks>
/// Ensures: a code opens one session at most. It is used up before the session is there, so a crash in between costs
/// the
/// user a second login; who brings it again ends the session, whichever of the two is faster.
/// Errors: invalid_grant.
/// </remarks>
public sealed record RedeemAuthorizationCode(
    CommandContext Context, string Code, string ClientId, string RedirectUri, string CodeVerifier)
    : ICommand<OAuthSession>;

public sealed class RedeemAuthorizationCodeHandler(
    AggregateStore<AuthorizationCodeState> codes, OAuthSessions sessions, IRandom random)
    : IRequestHandler<RedeemAuthorizationCode, CommandResult<OAuthSession>>
{
    public async Task<CommandResult<OAuthSession>> Handle(
        RedeemAuthorizationCode command, CancellationToken cancellationToken)
    {
        if (command.Code.Length > AccessTokens.LengthMax)
            return OAuthErrors.InvalidGrant;
        var stream = OAuthStreams.Code(AccessTokens.Hash(command.Code));
        var grant = OAuthGrant.Create(random, command.ClientId);
        var redeemed = await codes.ExecuteAsync(
            stream,
            state => AuthorizationCodeDecider.Redeem(state, command, grant.Sha256),
            command.Context,
            cancellationToken);
        if (redeemed is not Execution<AuthorizationCodeState>.Done done)
            return ((Execution<AuthorizationCodeState>.Refused)redeemed).Error;
        var issued = done.After.Issued!;
        if (done.After.IsRepeated)
        {
            await sessions.EndAsync(command.Context, issued.UserId, done.After.GrantSha256!);
            return OAuthErrors.InvalidGrant;
        }
        var opened = await sessions.OpenAsync(
            command.Context, issued.UserId, issued.DeviceId, issued.Scope, grant, cancellationToken);
        // Whoever brought the code again meanwhile found no session to end.
        if (!(await codes.LoadAsync(stream, CancellationToken.None)).State.IsRepeated)
            return opened;
        await sessions.EndAsync(command.Context, issued.UserId, grant.Sha256);
        return OAuthErrors.InvalidGrant;
    }
}
