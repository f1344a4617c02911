using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Commands.Roomserver.Aliases;

/// <summary>This server's room aliases: each is a stream of its own, read and written here only.</summary>
/// <remarks>Ensures: an alias points to one room at most, whoever claims it at the same time.</remarks>
public sealed class AliasBook(IEventStore log, FactAppender appender, ServerIdentity identity)
{
    private readonly AggregateStore<AliasState> _aliases = new(log, appender);

    public bool IsOurs(RoomAlias alias) => alias.Server == identity.Name;

    /// <summary>The room that a local alias points to, or null; aliases of other servers are not known here.</summary>
    public async ValueTask<RoomId?> ResolveAsync(RoomAlias alias) => (await FindAsync(alias)).RoomId;

    public async ValueTask<AliasState> FindAsync(RoomAlias alias) =>
        IsOurs(alias) ? (await _aliases.LoadAsync(StreamOf(alias))).State : AliasState.Initial;

    /// <summary>Claims an alias; <paramref name="taken"/> is the answer when it points somewhere already.</summary>
    public ValueTask<Execution<AliasState>> CreateAsync(
        RoomAlias alias, RoomId roomId, UserId creator, MatrixError taken, CommandContext context) =>
        _aliases.ExecuteAsync(
            StreamOf(alias),
            state => state.RoomId is null ? Decision.Accept(new AliasCreated(alias, roomId, creator)) : taken,
            context);

    public ValueTask<Execution<AliasState>> DeleteAsync(RoomAlias alias, UserId deletedBy, CommandContext context) =>
        _aliases.ExecuteAsync(
            StreamOf(alias),
            state => state.RoomId is { } roomId
                ? Decision.Accept(new AliasDeleted(alias, roomId, deletedBy))
                : RoomErrors.UnknownAlias,
            context);

    private static StreamName StreamOf(RoomAlias alias) => new(StreamCategories.Alias, alias.Value);
}
