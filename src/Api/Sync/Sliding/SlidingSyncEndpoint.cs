using System.Globalization;
using System.Text.Json;
using Matrix.EventSourced.Api.ClientApi.Ephemeral;
using Matrix.EventSourced.Api.ClientApi.Reading;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.EduServer;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Projections.Sync;
using Matrix.EventSourced.Projections.Sync.Sliding;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Sync.Sliding;

/// <summary>Simplified sliding sync: the rooms in a client's windows that have news.</summary>
/// <remarks>MSC4186. The older form is what clients speak while the proposal is no part of the spec: <c>pos</c> and
/// <c>timeout</c> in the query, and the names of the changelog.</remarks>
internal static class SlidingSyncEndpoint
{
    public static readonly EndpointSpec Spec =
        new("POST", "/_matrix/client/v4/sync", AuthKind.AccessToken, RateClass.None, "none#MSC4186");

    public static readonly EndpointSpec OlderSpec = new(
        "POST", "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync", AuthKind.AccessToken, RateClass.None,
        "none#MSC4186");

    public static void Map(EndpointTable table)
    {
        table.Add(Spec, static request => HandleAsync(request, isOlderForm: false));
        table.Add(OlderSpec, static request => HandleAsync(request, isOlderForm: true));
    }

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request, bool isOlderForm)
    {
        var (body, badBody) = await request.ReadJsonObjectAsync();
        if (badBody is not null)
            return badBody;
        var (sync, error) = Read(request, body, isOlderForm);
        if (error is not null)
            return error;
        if (!TryReadPresence(Find(request, body, "set_presence", isOlderForm), out var wanted))
            return MatrixError.InvalidParam("set_presence is online, offline or unavailable.");
        if (await IsFromTheFutureAsync(request, sync!))
            return UnknownPos();
        if (sync!.Extensions.ToDeviceAfter is > 0 and { } upTo)
        {
            await request.Get<ToDeviceBook>().AcknowledgeAsync(
                sync.User, sync.DeviceId, upTo, request.CommandContext());
        }
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(request.ClientGone, request.ServerStopping);
        using var poll = await request.Get<PresenceTracker>().PollAsync(sync.User, wanted);
        if (await request.Get<SlidingEngine>().AnswerAsync(sync, ending.Token, request.ClientGone)
            is not (var answer, { } pos))
        {
            return UnknownPos();
        }
        var audience = new EventAudience(
            request.Requester.UserId.Value,
            request.Requester.DeviceId,
            request.Get<TimeProvider>().GetUtcNow().ToUnixTimeMilliseconds());
        var bundled = answer.Rooms
            .Where(static room => room.IsInitial || room.IsLimited || room.IsTimelineExpanded)
            .SelectMany(static room => room.Timeline ?? [])
            .ToList();
        if (bundled.Count > 0)
        {
            audience = await request.Get<EventBundler>().BundleAsync(
                audience, bundled, answer.Position, request.ClientGone);
        }
        return new MatrixResponse.Json(
            new SlidingResponseWriter(sync, answer, pos, audience, isOlderForm).Write);
    }

    private static (SlidingRequest? Request, MatrixError? Error) Read(
        MatrixRequest request, JsonElement body, bool isOlderForm)
    {
        SlidingPos? pos = null;
        if (Find(request, body, "pos", isOlderForm) is { Length: > 0 } text)
        {
            pos = SlidingConnections.Parse(text);
            if (pos is null)
                return (null, UnknownPos());
        }
        if (!TryReadTimeout(request, body, isOlderForm, out var timeoutMs))
            return (null, MatrixError.InvalidParam("timeout must be a whole number of milliseconds."));
        var start = new SlidingRequest(request.Requester.UserId, request.Requester.DeviceId)
        {
            Pos = pos,
            TimeoutMs = (int)Math.Min(timeoutMs, SyncLimits.TimeoutMsMax),
        };
        return new SlidingRequestReader(start, isOlderForm).Read(body);
    }

    private static bool TryReadTimeout(
        MatrixRequest request, JsonElement body, bool isOlderForm, out long timeoutMs)
    {
        timeoutMs = 0;
        if (!isOlderForm)
        {
            return !body.TryGetProperty("timeout"u8, out var timeout)
                || (timeout.ValueKind == JsonValueKind.Number && timeout.TryGetInt64(out timeoutMs) && timeoutMs >= 0);
        }
        return request.Query("timeout") is not { Length: > 0 } text
            || long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out timeoutMs);
    }

    /// <summary>A parameter of the query in the older form, a member of the body else; what is no string reads as
    /// one that nobody gives.</summary>
    private static string? Find(MatrixRequest request, JsonElement body, string name, bool isOlderForm)
    {
        if (isOlderForm)
            return request.Query(name);
        if (!body.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
            return null;
        return value.ValueKind == JsonValueKind.String ? value.GetString() : value.GetRawText();
    }

    /// <summary>A token from before the log was replaced by an older copy of it.</summary>
    private static async ValueTask<bool> IsFromTheFutureAsync(MatrixRequest request, SlidingRequest sync)
    {
        var latest = Math.Max(sync.Pos?.Position ?? 0, sync.Extensions.ToDeviceAfter ?? 0);
        return latest > 0
            && (ulong)latest > (await request.Get<IEventStore>().ReadHeadAsync(request.ClientGone)).Value;
    }

    private static bool TryReadPresence(string? word, out PresenceState wanted)
    {
        wanted = PresenceState.Online;
        return word is not { Length: > 0 } || PresenceWords.TryParse(word, out wanted);
    }

    private static MatrixError UnknownPos() => new(
        400, ErrCodes.UnknownPos, "This pos is not the last one of this connection: begin anew, without pos.");
}
