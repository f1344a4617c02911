using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Projections.Relations;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.Rooms;

/// <summary>Refuses relations that a client must not send.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #avoiding-duplicate-annotations, #validation-of-mthread-relationships.
/// A courtesy and no rule of the room: such events come from other servers, and two that are sent at the same moment
/// both pass. Clients count them once.
/// </remarks>
internal static class SentRelations
{
    private static readonly MatrixError Duplicate =
        new(400, ErrCodes.DuplicateAnnotation, "You have annotated the event like this already.");

    // The spec has no errcode for it, and asks for M_UNKNOWN.
    private static readonly MatrixError NestedThread =
        new(400, ErrCodes.Unknown, "A thread cannot begin at an event that relates to another one.");

    public static async ValueTask<MatrixError?> FindProblemAsync(
        MatrixRequest request, RoomId roomId, string type, JsonElement content, TransactionKey transaction)
    {
        if (Relation.Find(content) is not { } relation)
            return null;
        var relations = request.Get<ISentRelations>();
        var problem = relation switch
        {
            { Type: Relation.Annotation, Key: not null } => await relations.HasAnnotationAsync(
                roomId.Value, transaction.UserId.Value, type, relation, request.ClientGone) ? Duplicate : null,
            { Type: Relation.Thread } =>
                await relations.IsRelationAsync(relation.EventId, request.ClientGone) ? NestedThread : null,
            _ => null,
        };
        // The same request again is answered as the first time: then it is its own event that was found.
        return problem is not null && await IsRepeatedAsync(request, roomId, transaction) ? null : problem;
    }

    private static async ValueTask<bool> IsRepeatedAsync(
        MatrixRequest request, RoomId roomId, TransactionKey transaction) =>
        await request.Get<IRoomserverQueries>().FindTransactionAsync(
            roomId,
            transaction.UserId,
            transaction.DeviceId,
            transaction.Scope,
            transaction.TransactionId,
            request.ClientGone) is not null;
}
