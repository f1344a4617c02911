using System.Collections.Immutable;
using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.PublicRooms;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.AppService;

/// <summary>Lists a room in the directory of an application service's network, or takes it off.</summary>
/// <remarks>Spec: v1.19 client-server-api #put_matrixclientv3directorylistappservicenetworkidroomid. Errors:
/// M_NOT_FOUND for an unknown room; M_INVALID_PARAM; M_FORBIDDEN for too many networks.</remarks>
public sealed record SetNetworkListing(
    CommandContext Context, string AppserviceId, string NetworkId, RoomId RoomId, bool IsListed) : ICommand<Unit>;

public sealed class SetNetworkListingValidator : AbstractValidator<SetNetworkListing>
{
    public SetNetworkListingValidator() => RuleFor(command => command.NetworkId)
        .Must(id => id.Length is > 0 and <= Limits.IdentifierBytesMax && !id.Contains('\0'))
        .WithMessage($"A network id has 1 to {Limits.IdentifierBytesMax} characters.");
}

/// <summary>In which networks' directories a room stands: the state of its stream <c>networklist-…</c>.</summary>
public sealed record NetworkListingState(ImmutableHashSet<(string AppserviceId, string NetworkId)> Networks)
    : IAggregateState<NetworkListingState>
{
    public static NetworkListingState Initial { get; } = new([]);

    public static bool LastRecordOnly => false;

    public NetworkListingState Evolve(IFact fact) => fact is not NetworkListingChanged changed
        ? this
        : new(changed.IsListed
            ? Networks.Add((changed.AppserviceId, changed.NetworkId))
            : Networks.Remove((changed.AppserviceId, changed.NetworkId)));
}

/// <summary>Decides on listings. Pure.</summary>
public static class NetworkListingDecider
{
    /// <summary>LIMIT: networks in whose directories one room stands. Ours: a room is on one or two networks.</summary>
    public const int NetworksMax = 100;

    public static Decision Decide(NetworkListingState state, NetworkListingChanged change)
    {
        if (state.Networks.Contains((change.AppserviceId, change.NetworkId)) == change.IsListed)
            return Decision.Nothing;
        return change.IsListed && state.Networks.Count >= NetworksMax
            ? MatrixError.Forbidden($"A room stands in the directories of at most {NetworksMax} networks.")
            : Decision.Accept(change);
    }
}

public sealed class SetNetworkListingHandler(IRoomserver rooms, AggregateStore<NetworkListingState> listings)
    : IRequestHandler<SetNetworkListing, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(SetNetworkListing command, CancellationToken cancellationToken)
    {
        switch (await rooms.ReadAsync(command.RoomId))
        {
            case RoomReading.Refused refused:
                return refused.Error;
            case RoomReading.Found:
                break;
            default:
                return RoomErrors.UnknownRoom;
        }
        return (await listings.ExecuteAsync(
            new StreamName(StreamCategories.NetworkList, command.RoomId.Value),
            state => NetworkListingDecider.Decide(
                state,
                new NetworkListingChanged(
                    command.RoomId, command.AppserviceId, command.NetworkId, command.IsListed)),
            command.Context,
            cancellationToken)).ToResult(Unit.Value);
    }
}
