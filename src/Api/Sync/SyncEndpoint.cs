using System.Globalization;
using System.Text;
using Matrix.EventSourced.Api.ClientApi.Ephemeral;
using Matrix.EventSourced.Api.ClientApi.Reading;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.EduServer;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Projections.Sync;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.Sync;

/// <summary>GET /sync: what happened since a token, now or as soon as something does.</summary>
internal static class SyncEndpoint
{
    public static readonly EndpointSpec Spec = new(
        "GET",
        "/_matrix/client/v3/sync",
        AuthKind.AccessToken,
        RateClass.None,
        "client-server-api#get_matrixclientv3sync")
    {
        GuestsAllowed = true,
    };

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (sync, error) = await ReadRequestAsync(request);
        if (error is not null)
            return error;
        if (!TryReadPresence(request, out var wanted))
            return MatrixError.InvalidParam("set_presence is online, offline or unavailable.");
        // The token says what the device has; that it asks says that it keeps the token.
        if (sync!.ToDeviceAfter is > 0 and { } upTo)
        {
            await request.Get<ToDeviceBook>().AcknowledgeAsync(
                sync.User, sync.DeviceId, upTo, request.CommandContext());
        }
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(request.ClientGone, request.ServerStopping);
        var presence = request.Get<PresenceTracker>();
        using var poll = await presence.PollAsync(sync.User, wanted);
        var answer = await request.Get<SyncEngine>().AnswerAsync(sync, ending.Token, request.ClientGone);
        var audience = new EventAudience(
            request.Requester.UserId.Value,
            request.Requester.DeviceId,
            request.Get<TimeProvider>().GetUtcNow().ToUnixTimeMilliseconds())
        {
            EventFields = sync.Filter.EventFields,
            IsFederationFormat = sync.Filter.IsFederationFormat,
        };
        audience = await request.Get<EventBundler>().BundleAsync(audience, answer, request.ClientGone);
        var writer = new SyncResponseWriter(
            answer, audience, sync.UseStateAfter, sync.Filter.CountsThreads, FindLastActive);
        return new MatrixResponse.Json(writer.Write);

        long? FindLastActive(string userId) => presence.FindLastActive(UserId.Parse(userId));
    }

    private static async ValueTask<(SyncRequest? Request, MatrixError? Error)> ReadRequestAsync(MatrixRequest request)
    {
        long? since = null;
        long toDeviceAfter = 0;
        if (request.Query("since") is { Length: > 0 } token)
        {
            if (!SyncTokens.TryRead(token, out var position, out toDeviceAfter))
                return (null, MatrixError.InvalidParam("since is not a token of this server."));
            var head = await request.Get<IEventStore>().ReadHeadAsync(request.ClientGone);
            if ((ulong)position > head.Value)
                return (null, MatrixError.InvalidParam("since is not a token that this server has given."));
            since = position;
        }
        var timeoutMs = 0;
        if (request.Query("timeout") is { Length: > 0 } timeout
            && !(int.TryParse(timeout, NumberStyles.None, CultureInfo.InvariantCulture, out timeoutMs)
                || long.TryParse(timeout, NumberStyles.None, CultureInfo.InvariantCulture, out _)))
        {
            return (null, MatrixError.InvalidParam("timeout must be a whole number of milliseconds."));
        }
        if (!TryReadFlag(request, "full_state", out var isFullState) || !TryReadFlag(
            request, "use_state_after", out var useStateAfter))
            return (null, MatrixError.InvalidParam("full_state and use_state_after are true or false."));
        if (await FindFilterAsync(request) is not { } filter)
            return (null, MatrixError.InvalidParam("filter is neither a filter nor the id of a stored one."));
        return (new SyncRequest(request.Requester.UserId, request.Requester.DeviceId)
        {
            Since = since,
            TimeoutMs = Math.Min(timeoutMs, SyncLimits.TimeoutMsMax),
            IsFullState = isFullState,
            UseStateAfter = useStateAfter,
            Filter = filter,
            ToDeviceAfter = toDeviceAfter,
        }, null);
    }

    /// <summary>Who does not say anything is online.</summary>
    private static bool TryReadPresence(MatrixRequest request, out PresenceState wanted)
    {
        wanted = PresenceState.Online;
        return request.Query("set_presence") is not { Length: > 0 } word || PresenceWords.TryParse(word, out wanted);
    }

    private static bool TryReadFlag(MatrixRequest request, string name, out bool value)
    {
        var text = request.Query(name);
        value = text == "true";
        return text is null or "" or "true" or "false";
    }

    private static async ValueTask<SyncFilter?> FindFilterAsync(MatrixRequest request)
    {
        if (request.Query("filter") is not { Length: > 0 } text)
            return SyncFilter.None;
        return text[0] == '{'
            ? FilterReader.FindSyncFilter(Encoding.UTF8.GetBytes(text))
            : await request.Get<StoredFilters>().FindAsync(request.Requester.UserId, text, request.ClientGone);
    }
}
