using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.DelayedEvents;

namespace Matrix.EventSourced.Api.ClientApi.DelayedEvents;

/// <summary>One delayed event of the user, and what became of it (MSC4140).</summary>
internal static class LookupEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "GET", "/_matrix/client/v1/delayed_events/{delayId}", AuthKind.AccessToken, RateClass.Read, "none#MSC4140")
    {
        GuestsAllowed = true,
        Aliases = ["/_matrix/client/unstable/org.matrix.msc4140/delayed_events/{delayId}"],
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var found = await request.Get<Commands.DelayedEvents.DelayedEvents>().FindAsync(
            request.Path("delayId"), request.Requester.UserId, request.ClientGone);
        return found is null
            ? DelayedEventDecider.Unknown
            : new MatrixResponse.Json(json => DelayedEventWriter.Write(json, found, withOldNames: false));
    }
}
