using Matrix.EventSourced.Api.ClientApi.Rooms;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.DelayedEvents;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.DelayedEvents;

/// <summary>Sends, cancels or restarts a delayed event (MSC4140).</summary>
internal static class ActionEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "POST", "/_matrix/client/v1/delayed_events/{delayId}/{action}", AuthKind.AccessToken, RateClass.Message, "none#MSC4140")
    {
        GuestsAllowed = true,
        Aliases = ["/_matrix/client/unstable/org.matrix.msc4140/delayed_events/{delayId}/{action}"],
    };

    /// <summary>As it was before the action went into the path.</summary>
    public static readonly EndpointSpec OldSpec = new(
        "POST",
        "/_matrix/client/unstable/org.matrix.msc4140/delayed_events/{delayId}",
        AuthKind.AccessToken,
        RateClass.Message,
        "none#MSC4140")
    {
        GuestsAllowed = true,
    };

    public static void Map(EndpointTable table)
    {
        table.Add(Spec, HandleAsync);
        table.Add(OldSpec, HandleOldAsync);
    }

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        // Clients send no body, or an empty object.
        var (_, error) = await request.ReadJsonObjectAsync(emptyAllowed: true);
        return error ?? await ActAsync(request, request.Path("action"));
    }

    private static async ValueTask<MatrixResponse> HandleOldAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        if (body.TryGetString("action", out var action) is { } bad)
            return bad;
        return action is null ? MatrixError.MissingParam("'action' is needed.") : await ActAsync(request, action);
    }

    private static async ValueTask<MatrixResponse> ActAsync(MatrixRequest request, string name)
    {
        DelayedEventAction? action = name switch
        {
            "send" => DelayedEventAction.Send,
            "cancel" => DelayedEventAction.Cancel,
            "restart" => DelayedEventAction.Restart,
            _ => null,
        };
        if (action is null)
            return MatrixError.InvalidParam("The action is send, cancel or restart.");
        return (await request.Get<Commands.DelayedEvents.DelayedEvents>().ActAsync(
            request.CommandContext(),
            request.Path("delayId"),
            request.Requester.UserId,
            action.Value,
            CancellationToken.None)).ToEmpty();
    }
}
