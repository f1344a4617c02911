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
/// A courtesy and no rule of the room: such events come from other servers, too. Annotations that are sent at the same
/// moment are told apart by the room, which is given what they must not repeat.
/// </remarks>
internal static class SentRelations
{
    // The spec has no errcode for it, and asks for M_UNKNOWN.
    private static readonly MatrixError NestedThread =
        new(400, ErrCodes.Unknown, "A thread cannot begin at an event that relates to another one.");

    /// <summary>Why the event must not be sent, or null; and what no other annotation may be at the same
    /// moment.</summary>
    public static async ValueTask<(MatrixError? Problem, AnnotationKey? Annotation)> CheckAsync(
        MatrixRequest request, RoomId roomId, string type, JsonElement content, TransactionKey transaction)
    {
        if (Relation.Find(content) is not { } relation)
            return (null, null);
        var relations = request.Get<ISentRelations>();
        var annotation = AnnotationOf(relation, type, transaction.UserId);
        var problem = relation switch
        {
            _ when annotation is not null => await relations.HasAnnotationAsync(
                roomId.Value, transaction.UserId.Value, type, relation, request.ClientGone)
                    ? AnnotationKey.Duplicate
                    : null,
            { Type: Relation.Thread } =>
                await relations.IsRelationAsync(relation.EventId, request.ClientGone) ? NestedThread : null,
            _ => null,
        };
        // The same request again is answered as the first time: then it is its own event that was found.
        return problem is not null && await IsRepeatedAsync(request, roomId, transaction)
            ? (null, null)
            : (problem, annotation);
    }

    private static AnnotationKey? AnnotationOf(Relation relation, string type, UserId sender) =>
        relation is { Type: Relation.Annotation, KeySha256: { } key }
            ? new AnnotationKey(sender, type, relation.EventId, Convert.ToHexString(key))
            : null;

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
