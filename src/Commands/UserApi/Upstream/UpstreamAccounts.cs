using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.Commands.UserApi.Credentials;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.UserApi.Upstream;

/// <summary>What the stream <c>upstream-…</c> says: whose account somebody at a provider is to have.</summary>
public sealed record UpstreamState : IAggregateState<UpstreamState>
{
    public static UpstreamState Initial { get; } = new();

    public static bool LastRecordOnly => true;

    public UserId? UserId { get; private init; }

    public UpstreamState Evolve(IFact fact) =>
        fact is UpstreamLinked linked ? new UpstreamState { UserId = linked.UserId } : this;
}

/// <summary>Who of a provider has which account.</summary>
/// <remarks>
/// <code>
///   upstream-…  : somebody is to have @a:hs      (written first)
///   credentials-@a:hs : they get in              (decides)
/// </code>
/// Both must say so. A crash in between leaves an intention, which the next login takes up; an account that somebody
/// else
/// made meanwhile is theirs, since its credentials do not say so.
/// </remarks>
public sealed class UpstreamAccounts(
    AggregateStore<UpstreamState> links, AggregateStore<CredentialsState> credentials)
{
    public static StreamName StreamOf(UpstreamLink link) => new(
        StreamCategories.Upstream,
        $"{link.ProviderId}/{Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes(link.Subject)))}");

    /// <summary>The account of somebody who has one; null for nobody, a closed one's too.</summary>
    public async ValueTask<UserId?> FindAsync(UpstreamLink link)
    {
        if ((await links.LoadAsync(StreamOf(link))).State.UserId is not { } userId)
            return null;
        var state = (await credentials.LoadAsync(UserStreams.Credentials(userId))).State;
        return !state.IsDeactivated && state.UpstreamLinks.Contains(link) ? userId : null;
    }
}

/// <summary>Somebody came from an identity provider; answers their account, which is made or taken where there was
/// none.
/// </summary>
/// <remarks>
/// Shape: Wanted is the name for somebody new, null where none is known. TakesExisting: the account of that name is
/// theirs if there is one, as the administrator has said of this provider; never for a name that they chose themselves.
/// Errors: M_USER_DEACTIVATED; M_USER_LOCKED; M_MISSING_PARAM where a name is needed; M_USER_IN_USE where another one
/// is;
/// M_FORBIDDEN where nobody new is let in.
/// </remarks>
public sealed record LogInUpstream(
    CommandContext Context, UpstreamLink Link, UserId? Wanted, bool TakesExisting, bool Registers) : ICommand<UserId>;

public sealed class LogInUpstreamHandler(
    AggregateStore<UpstreamState> links,
    AggregateStore<CredentialsState> credentials,
    AggregateStore<AccountState> accounts,
    IMediator mediator) : IRequestHandler<LogInUpstream, CommandResult<UserId>>
{
    private static MatrixError NameNeeded { get; } = MatrixError.MissingParam("A user name is needed.");

    private static MatrixError NobodyNew { get; } = MatrixError.Forbidden(
        "You have no account on this server, and none can be made this way.");

    public async Task<CommandResult<UserId>> Handle(LogInUpstream command, CancellationToken cancellationToken)
    {
        var stream = UpstreamAccounts.StreamOf(command.Link);
        var intended = (await links.LoadAsync(stream, cancellationToken)).State.UserId;
        var isUnfinished = false;
        if (intended is { } known)
        {
            var state = (await credentials.LoadAsync(UserStreams.Credentials(known), cancellationToken)).State;
            if (state.IsDeactivated)
                return CredentialsDecider.Deactivated;
            if (state.UpstreamLinks.Contains(command.Link))
                return await FindProblemAsync(known) is { } locked
                    ? locked
                    : new CommandResult<UserId>.Done(known, LogPosition.Start);
            isUnfinished = !state.Exists;
        }
        if ((command.Wanted ?? (isUnfinished ? intended : null)) is not { } wanted)
            return command.Registers || command.TakesExisting ? NameNeeded : NobodyNew;
        var taken = (await credentials.LoadAsync(UserStreams.Credentials(wanted), cancellationToken)).State;
        if (taken.Exists)
        {
            return command.TakesExisting && !taken.IsDeactivated
                ? await TakeAsync(command, stream, intended, wanted)
                : AccountDecider.UserInUse;
        }
        if (!command.Registers)
            return NobodyNew;
        await IntendAsync(command, stream, intended, wanted);
        var made = await mediator.Send(
            new RegisterAccount(
                command.Context, wanted, AccountKind.User, IsAdmin: false, null, null, null, InhibitLogin: true)
            {
                Upstream = command.Link,
            },
            CancellationToken.None);
        return made switch
        {
            CommandResult<OpenedSession>.Done done => new CommandResult<UserId>.Done(wanted, done.Position),
            CommandResult<OpenedSession>.Refused refused => refused.Error,
            _ => throw new InvalidOperationException("A command is done or refused."),
        };
    }

    private async ValueTask<CommandResult<UserId>> TakeAsync(
        LogInUpstream command, StreamName stream, UserId? intended, UserId wanted)
    {
        var account = (await accounts.LoadAsync(UserStreams.Account(wanted))).State;
        // Guests, and users of bridges, belong to nobody who could come this way.
        if (account.Kind != AccountKind.User)
            return AccountDecider.UserInUse;
        if (account.IsLocked)
            return AccountDecider.Locked;
        await IntendAsync(command, stream, intended, wanted);
        return (await credentials.ExecuteAsync(
            UserStreams.Credentials(wanted),
            state => CredentialsDecider.Link(state, wanted, command.Link),
            command.Context,
            CancellationToken.None)).ToResult(wanted);
    }

    private async ValueTask IntendAsync(LogInUpstream command, StreamName stream, UserId? intended, UserId wanted)
    {
        if (intended == wanted)
            return;
        await links.ExecuteAsync(
            stream,
            _ => Decision.Accept(new UpstreamLinked(command.Link.ProviderId, command.Link.Subject, wanted)),
            command.Context,
            CancellationToken.None);
    }

    private async ValueTask<MatrixError?> FindProblemAsync(UserId userId) =>
        (await accounts.LoadAsync(UserStreams.Account(userId))).State.IsLocked ? AccountDecider.Locked : null;
}
