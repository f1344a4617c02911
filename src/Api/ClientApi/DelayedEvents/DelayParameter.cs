using System.Globalization;
using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Api.ClientApi.Rooms;
using Matrix.EventSourced.Commands.DelayedEvents;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.DelayedEvents;

/// <summary>How clients asked for a delay before MSC4140 had an endpoint of its own for it, and most still do: a query
/// parameter of /send and /state.</summary>
internal static class DelayParameter
{
    private const string Name = "org.matrix.msc4140.delay";

    /// <summary>Whether the event is to be delayed. A server that overlooked the parameter would have a client leave
    /// its call at once.</summary>
    public static bool IsDelayed(this MatrixRequest request) => request.Query(Name) is not null;

    /// <summary>Schedules the event; answers its delay_id.</summary>
    public static async ValueTask<MatrixResponse> ScheduleAsync(
        MatrixRequest request,
        RoomId roomId,
        string type,
        string? stateKey,
        JsonElement content,
        long? originServerTs,
        TransactionKey? transaction)
    {
        if (!long.TryParse(request.Query(Name), NumberStyles.None, CultureInfo.InvariantCulture, out var delayMs)
            || delayMs == 0)
            return MatrixError.InvalidParam($"{Name} must be a positive whole number of milliseconds.");
        var options = request.Get<DelayedEventOptions>();
        if (options.IsEnabled && delayMs > options.DelayMaxMs)
            return TooLong(options.DelayMaxMs);
        return (await request.SendAsync(new ScheduleDelayedEvent(
            request.CommandContext(),
            roomId,
            request.Requester.UserId,
            type,
            stateKey,
            content,
            delayMs,
            transaction is { } key ? key with { Scope = $"delayed/{key.Scope}" } : null)
        {
            OriginServerTs = originServerTs,
        })).ToDelayId();
    }

    /// <summary>As clients of that time know it: they try again with the delay that is allowed.</summary>
    private static MatrixError TooLong(long maxMs) => new(
        400, ErrCodes.Unknown, $"An event can be delayed by at most {maxMs} milliseconds.")
    {
        Extra =
        [
            new("org.matrix.msc4140.errcode", "\"M_MAX_DELAY_EXCEEDED\""),
            new("org.matrix.msc4140.max_delay", maxMs.ToString(CultureInfo.InvariantCulture)),
        ],
    };
}
