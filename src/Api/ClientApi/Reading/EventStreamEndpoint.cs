using System.Globalization;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Api.Sync;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.Sync;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Reading;

/// <summary>GET /events: what happens, as it happens. Deprecated in the spec but for looking into one room.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #room-previews. With <c>room_id</c> it is one room's timeline, for whoever may read
/// it; without, the rooms of the caller, as /sync knows them.
/// </remarks>
internal static class EventStreamEndpoint
{
    /// <summary>LIMIT: events of one answer. Ours: the next one begins where it ends.</summary>
    private const int EventsMax = 100;

    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v3/events",
        AuthKind.AccessToken,
        RateClass.None,
        "client-server-api#get_matrixclientv3events")
    {
        GuestsAllowed = true,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        if (!ReadingParameters.TryReadToken(request, "from", out var from, out var error))
            return error!;
        var timeoutMs = 0;
        if (request.Query("timeout") is { Length: > 0 } text
            && !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out timeoutMs))
        {
            return MatrixError.InvalidParam("timeout must be a whole number of milliseconds.");
        }
        timeoutMs = Math.Min(timeoutMs, SyncLimits.TimeoutMsMax);
        var head = (long)(await request.Get<IEventStore>().ReadHeadAsync(request.ClientGone)).Value;
        if (from > head)
            return MatrixError.InvalidParam("from is not a token that this server has given.");
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(request.ClientGone, request.ServerStopping);
        return request.Query("room_id") is { Length: > 0 } roomId
            ? await OfRoomAsync(request, roomId, from ?? head, timeoutMs, ending.Token)
            : await OfUserAsync(request, from ?? head, timeoutMs, ending.Token);
    }

    private static async ValueTask<MatrixResponse> OfUserAsync(
        MatrixRequest request, long from, int timeoutMs, CancellationToken ending)
    {
        var sync = new SyncRequest(request.Requester.UserId, request.Requester.DeviceId)
        {
            Since = from,
            TimeoutMs = timeoutMs,
            Filter = new SyncFilter { Timeline = new() { Limit = EventsMax } },
        };
        var answer = await request.Get<SyncEngine>().AnswerAsync(sync, ending, request.ClientGone);
        var events = new List<(StoredEvent Event, RoomHistory? History)>();
        foreach (var room in answer.Joined.Concat(answer.Left))
            events.AddRange(room.Timeline.Select(stored => (stored, room.History)));
        foreach (var invite in answer.Invited)
            events.Add((invite.Member, new RoomHistory()));
        events.Sort(static (left, right) => left.Event.Position.CompareTo(right.Event.Position));
        var audience = await request.Get<EventBundler>().BundleAsync(
            RoomAccess.Audience(request), answer, request.ClientGone);
        return Answer(from, answer.NextBatch, events, audience);
    }

    private static async ValueTask<MatrixResponse> OfRoomAsync(
        MatrixRequest request, string roomId, long from, int timeoutMs, CancellationToken ending)
    {
        var time = request.Get<TimeProvider>();
        var activity = request.Get<RoomActivity>();
        var startedAt = time.GetTimestamp();
        while (true)
        {
            // Before the reading, so that nothing happens unnoticed between the two.
            var waiter = activity.Wait(roomId);
            try
            {
                var (access, refusal) = await RoomAccess.OpenAsync(request, roomId);
                if (refusal is not null)
                    return refusal;
                var page = await new TimelinePager(request.Get<RoomReader>(), access!, EventFilter.None).ReadAsync(
                    false, TimelinePlace.After(from), null, EventsMax, request.ClientGone);
                var left = TimeSpan.FromMilliseconds(timeoutMs) - time.GetElapsedTime(startedAt);
                if (page.Events.Count > 0
                    || left <= TimeSpan.Zero
                    || ending.IsCancellationRequested
                    || !await WaitAsync(waiter, left, time, ending))
                {
                    var end = page.Next?.LogPosition ?? Math.Max(from, access!.Position);
                    var audience = await access!.AudienceAsync(request, page.Events);
                    return Answer(
                        from, end, page.Events.ConvertAll(stored => (stored, (RoomHistory?)access.History)), audience);
                }
            }
            finally
            {
                activity.StopWaiting(roomId, waiter);
            }
        }
    }

    /// <summary>True when something happened; false when the time is over or the wait was ended.</summary>
    private static async ValueTask<bool> WaitAsync(
        TaskCompletionSource waiter, TimeSpan timeout, TimeProvider time, CancellationToken ending)
    {
        var over = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var timer = time.CreateTimer(_ => over.TrySetResult(), null, timeout, Timeout.InfiniteTimeSpan);
        using var registration = ending.UnsafeRegister(
            static state => ((TaskCompletionSource)state!).TrySetResult(), over);
        return await Task.WhenAny(waiter.Task, over.Task) == waiter.Task;
    }

    private static MatrixResponse.Json Answer(
        long from, long end, List<(StoredEvent Event, RoomHistory? History)> events, EventAudience audience) =>
        new(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("start"u8, SyncTokens.Write(from));
            writer.WriteString("end"u8, SyncTokens.Write(end));
            writer.WriteStartArray("chunk"u8);
            foreach (var (stored, history) in events)
                EventWriter.Write(writer, stored, audience, history, withRoomId: true);
            writer.WriteEndArray();
            writer.WriteEndObject();
        });
}
