using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Facts.DelayedEvents;
using Matrix.EventSourced.Projections.DelayedEvents;
using Matrix.EventSourced.Projections.Hosting;

namespace Matrix.EventSourced.Api.ClientApi.DelayedEvents;

/// <summary>The user's delayed events that wait, the next one first.</summary>
/// <remarks>MSC4140 had it until shortly before it was accepted; clients ask for it under its unstable name.</remarks>
internal static class ListEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/unstable/org.matrix.msc4140/delayed_events",
        AuthKind.AccessToken,
        RateClass.Read,
        "none#MSC4140")
    {
        GuestsAllowed = true,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        await request.Get<IProjectionGate>().WaitForHeadAsync(DelayedEventsProjection.Gate, request.ClientGone);
        var userId = request.Requester.UserId;
        var found = new List<DelayedEventChanged>();
        foreach (var delayId in await request.Get<DelayedEventQueries>().FindOfAsync(userId.Value, request.ClientGone))
        {
            var one = await request.Get<Commands.DelayedEvents.DelayedEvents>().FindAsync(
                delayId, userId, request.ClientGone);
            if (one is { Finalised: null })
                found.Add(one);
        }
        return new MatrixResponse.Json(json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("delayed_events"u8);
            foreach (var one in found)
                DelayedEventWriter.Write(json, one, withOldNames: true);
            json.WriteEndArray();
            json.WriteEndObject();
        });
    }
}
