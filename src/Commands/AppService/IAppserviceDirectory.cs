using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.AppService;

/// <summary>What became of a question to application services.</summary>
public enum AppserviceFinding
{
    /// <summary>None of them knows it, or none is interested.</summary>
    Unknown,

    /// <summary>One of them knows it, and has made it by now.</summary>
    Found,

    /// <summary>Somebody who should know it does not answer.</summary>
    Unreachable,
}

/// <summary>Asks application services for users and rooms that are not here yet; the network is behind it.</summary>
/// <remarks>Spec: v1.19 application-service-api #querying. While they answer, they may create what is asked
/// for.</remarks>
public interface IAppserviceDirectory
{
    ValueTask<AppserviceFinding> FindUserAsync(UserId userId, CancellationToken cancellationToken);

    ValueTask<AppserviceFinding> FindAliasAsync(RoomAlias alias, CancellationToken cancellationToken);
}
