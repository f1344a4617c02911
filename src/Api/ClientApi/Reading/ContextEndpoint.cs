using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Api.Sync;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Reading;

/// <summary>GET /rooms/{roomId}/context/{eventId}: an event and what stands around it.</summary>
internal static class ContextEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v3/rooms/{roomId}/context/{eventId}",
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv3roomsroomidcontexteventid")
    {
        GuestsAllowed = true,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (filter, error) = await RoomFilter.ReadAsync(request);
        if (error is not null
            || !ReadingParameters.TryReadLimit(
                request, out var limit, out error, filter.Events.Limit ?? ReadingParameters.LimitDefault))
        {
            return error!;
        }
        var (access, refusal) = await RoomAccess.OpenAsync(request);
        if (refusal is not null)
            return refusal;
        if (await EventEndpoint.FindVisibleAsync(request, access!) is not { } stored)
            return MatrixError.NotFound("There is no such event, or you may not see it.");

        var reader = request.Get<RoomReader>();
        var pager = new TimelinePager(reader, access!, filter.Events, RelatedBy.Of(request, access!, filter));
        var before = await pager.ReadAsync(
            true, TimelinePlace.Before(stored), null, limit / 2, request.ClientGone);
        var after = await pager.ReadAsync(
            false, TimelinePlace.After(stored), null, limit - (limit / 2), request.ClientGone);
        var oldest = before.Events.Count > 0 ? before.Events[^1] : stored;
        var newest = after.Events.Count > 0 ? after.Events[^1] : stored;
        List<StoredEvent> shown = [.. before.Events, stored, .. after.Events];
        var state = await ReadStateAsync(reader, access!, filter.Events, newest, shown, request.ClientGone);
        var audience = await access!.AudienceAsync(request, shown);
        return new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("start"u8, SyncTokens.Write(TimelinePlace.Before(oldest)));
            writer.WriteString("end"u8, SyncTokens.Write(TimelinePlace.After(newest)));
            writer.WritePropertyName("event"u8);
            EventWriter.Write(writer, stored, audience, access.History, withRoomId: true);
            writer.WritePropertyName("events_before"u8);
            EventWriter.WriteArray(writer, before.Events, audience, access.History, withRoomId: true);
            writer.WritePropertyName("events_after"u8);
            EventWriter.WriteArray(writer, after.Events, audience, access.History, withRoomId: true);
            writer.WritePropertyName("state"u8);
            EventWriter.WriteArray(writer, state, audience, access.History, withRoomId: true);
            writer.WriteEndObject();
        });
    }

    /// <summary>The state at the last event that is shown; with lazy loading only the members who sent what is
    /// shown.</summary>
    private static async ValueTask<List<StoredEvent>> ReadStateAsync(
        RoomReader reader,
        RoomAccess access,
        EventFilter filter,
        StoredEvent newest,
        IReadOnlyList<StoredEvent> shown,
        CancellationToken cancellationToken)
    {
        if (!filter.PassesRoom(access.RoomId.Value))
            return [];
        // Who was banned after having left sees the ban, but no state of after they left.
        var at = Math.Min(newest.Position, access.StateAt);
        var range = new StateRange(access.RoomId.Value, at, 0, WithMembers: !filter.LazyLoadMembers);
        var state = new List<StoredEvent>(await reader.ReadStateAsync(range, cancellationToken));
        if (filter.LazyLoadMembers)
            state.AddRange(await LazyMemberReader.ReadAsync(reader, access, shown, cancellationToken));
        state.RemoveAll(stored => !filter.Passes(stored));
        return state;
    }
}
