using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Aliases;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Commands.UserApi.Credentials;
using Matrix.EventSourced.Protocol.AppServices;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.AppService;

/// <summary>Lets application services make the users and rooms of their namespaces when somebody asks for
/// them.</summary>
/// <remarks>Spec: v1.19 application-service-api #querying. Cost: nothing but a pattern match for what is in no
/// namespace.</remarks>
public sealed class AppserviceProvisioning(
    AppserviceSet appservices, IAppserviceDirectory directory, AggregateStore<CredentialsState> credentials)
{
    private static readonly MatrixError NoAnswer =
        new(408, ErrCodes.Unknown, "The application service of this room alias does not answer.");

    /// <summary>A user who is asked for is made, where an application service knows them; nothing happens
    /// otherwise.</summary>
    public async ValueTask EnsureUserAsync(UserId userId, CancellationToken cancellationToken)
    {
        var isTheirs = false;
        foreach (var service in appservices.All)
            isTheirs |= service.OwnsUser(userId);
        if (!isTheirs)
            return;
        var state = (await credentials.LoadAsync(UserStreams.Credentials(userId), cancellationToken)).State;
        if (!state.Exists)
            await directory.FindUserAsync(userId, cancellationToken);
    }

    /// <summary>The room of a local alias, which an application service may make now.</summary>
    /// <remarks>Errors: M_NOT_FOUND; 408 when nobody knows the alias and who should does not answer.</remarks>
    public async ValueTask<(RoomId? RoomId, MatrixError? Error)> ResolveAsync(
        AliasBook aliases, RoomAlias alias, CancellationToken cancellationToken)
    {
        if (await aliases.ResolveAsync(alias) is { } known)
            return (known, null);
        var isTheirs = false;
        foreach (var service in appservices.All)
            isTheirs |= service.CoversAlias(alias);
        if (!isTheirs || !aliases.IsOurs(alias))
            return (null, RoomErrors.UnknownAlias);
        return await directory.FindAliasAsync(alias, cancellationToken) switch
        {
            AppserviceFinding.Found when await aliases.ResolveAsync(alias) is { } made => (made, null),
            AppserviceFinding.Unreachable => (null, NoAnswer),
            _ => (null, RoomErrors.UnknownAlias),
        };
    }
}
