using System.Text.Json;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.DelayedEvents;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Commands.DelayedEvents;

/// <summary>Brings delayed events to their end: sent when their time is there or when asked, or cancelled.</summary>
/// <remarks>
/// <code>
///   scheduled ─restart─► scheduled ─(its time, or send)─► room's fact ─► finalised: event_id
///                                  ─cancel─────────────────────────────► finalised
///                                  ─(its time, but refused)────────────► finalised: error
/// </code>
/// Ensures: who waits is sent in the order of the times; what the server cannot do now (503) is tried again.
/// </remarks>
public sealed partial class DelayedEvents(
    AggregateStore<DelayedEventState> store,
    FactAppender appender,
    IDelayedEventLookup lookup,
    DelayedEventSender sender,
    DelayedEventTurns turns,
    ISendingLimit limit,
    TimeProvider time,
    ILogger<DelayedEvents> logger)
{
    /// <summary>LIMIT: events of one round. Ours: the next round follows at once.</summary>
    private const int RoundMax = 256;

    private long NowMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>A user's delayed event, whatever became of it; null where it is not theirs or not known any more.
    /// </summary>
    /// <remarks>Ensures: who has seen it in its room is told that it was sent.</remarks>
    public async ValueTask<DelayedEventChanged?> FindAsync(
        string delayId, UserId userId, CancellationToken cancellationToken)
    {
        using var turn = await turns.TakeAsync(delayId, cancellationToken);
        return await LoadAsync(delayId, userId, cancellationToken);
    }

    /// <summary>Does what a client asks for.</summary>
    /// <remarks>Errors: M_NOT_FOUND, M_UNKNOWN (409) where it has come to another end, and what sending it answers;
    /// then it stays scheduled.</remarks>
    public async ValueTask<CommandResult<Unit>> ActAsync(
        CommandContext context,
        string delayId,
        UserId userId,
        DelayedEventAction action,
        CancellationToken cancellationToken)
    {
        using var turn = await turns.TakeAsync(delayId, cancellationToken);
        if (await LoadAsync(delayId, userId, cancellationToken) is not { } scheduled)
            return DelayedEventDecider.Unknown;
        return action switch
        {
            DelayedEventAction.Restart => (await store.ExecuteAsync(
                DelayedEventStreams.Of(delayId),
                state => DelayedEventDecider.Restart(state, userId, context.ReceivedAtMs),
                context,
                CancellationToken.None)).ToResult(Unit.Value),
            DelayedEventAction.Cancel => await EndAsync(
                delayId, state => DelayedEventDecider.Cancel(state, userId, context.ReceivedAtMs), context),
            _ => await SendAsync(scheduled, context),
        };
    }

    /// <summary>Sends all whose time is there; answers whether some must be tried again.</summary>
    public async ValueTask<bool> SendDueAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var due = await lookup.FindDueAsync(NowMs, RoundMax, cancellationToken);
            var again = 0;
            foreach (var delayId in due)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (!await SendDueAsync(delayId))
                    again++;
            }
            if (due.Count < RoundMax || again > 0)
                return again > 0;
        }
    }

    private async ValueTask<DelayedEventChanged?> LoadAsync(
        string delayId, UserId userId, CancellationToken cancellationToken)
    {
        if (!IsId(delayId))
            return null;
        var found = DelayedEventDecider.FindOf(
            (await store.LoadAsync(DelayedEventStreams.Of(delayId), cancellationToken)).State, userId);
        return found is { Finalised: { } outcome }
            && outcome.FinalisedTs + (long)DelayedEventStreams.Retention.TotalMilliseconds < NowMs ? null : found;
    }

    private async ValueTask<bool> SendDueAsync(string delayId)
    {
        // Not cancelled between the room's fact and ours: what is begun is soon done.
        using var turn = await turns.TakeAsync(delayId, CancellationToken.None);
        var (state, _, _) = await store.LoadAsync(DelayedEventStreams.Of(delayId), CancellationToken.None);
        var nowMs = NowMs;
        if (state.Event is not { Finalised: null } scheduled || scheduled.DelayedSinceTs + scheduled.DelayMs > nowMs)
            return true;
        CommandResult<EventId> result = limit.Take(scheduled.Sender) is > 0 and var retryAfterMs
            ? new MatrixError(429, ErrCodes.LimitExceeded, "Too many events at once.") { RetryAfterMs = retryAfterMs }
            : await sender.SendAsync(scheduled, nowMs);
        switch (result)
        {
            case CommandResult<EventId>.Done done:
                await EndAsync(delayId, new DelayedEventOutcome(nowMs, done.Value));
                LogSent(delayId, scheduled.RoomId.Value, nowMs - scheduled.DelayedSinceTs - scheduled.DelayMs);
                return true;
            case CommandResult<EventId>.Refused { Error: { Status: < 500 } error }:
                await EndAsync(delayId, new DelayedEventOutcome(nowMs, Error: ToJson(error)));
                LogRefused(delayId, scheduled.RoomId.Value, error.ErrCode);
                return true;
            default:
                return false;
        }
    }

    private async ValueTask<CommandResult<Unit>> SendAsync(DelayedEventChanged scheduled, CommandContext context)
    {
        if (scheduled.Finalised is { } outcome)
        {
            return outcome.EventId is null
                ? DelayedEventDecider.Conflict(outcome)
                : new CommandResult<Unit>.Done(Unit.Value, LogPosition.Start);
        }
        switch (await sender.SendAsync(scheduled, context.ReceivedAtMs))
        {
            case CommandResult<EventId>.Done done:
                return await EndAsync(
                    scheduled.DelayId,
                    state => DelayedEventDecider.Finalise(
                        state, new DelayedEventOutcome(context.ReceivedAtMs, done.Value)),
                    context);
            case CommandResult<EventId>.Refused refused:
                return refused.Error;
            default:
                throw new Protocol.InvariantException("a command's result is Done or Refused");
        }
    }

    private async ValueTask EndAsync(string delayId, DelayedEventOutcome outcome) => await EndAsync(
        delayId,
        state => DelayedEventDecider.Finalise(state, outcome),
        new CommandContext(FactActor.Self, outcome.FinalisedTs, $"delayed/{delayId}"));

    private async ValueTask<CommandResult<Unit>> EndAsync(
        string delayId, Func<DelayedEventState, Decision> decide, CommandContext context)
    {
        var stream = DelayedEventStreams.Of(delayId);
        var execution = await store.ExecuteAsync(stream, decide, context, CancellationToken.None);
        // Content that was sent or given up must not stay for ever.
        if (execution is Execution<DelayedEventState>.Done { Before.Event.Finalised: null })
            await appender.BoundAsync(stream, DelayedEventStreams.OnceFinalised);
        return execution.ToResult(Unit.Value);
    }

    private static bool IsId(string delayId) => delayId.Length is > 0 and <= 64
        && delayId.All(one => char.IsAsciiLetterOrDigit(one) || one is '-' or '_');

    private static RawJson ToJson(MatrixError error)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("errcode"u8, error.ErrCode);
            writer.WriteString("error"u8, error.Message);
            if (error.RetryAfterMs is { } retryAfterMs)
                writer.WriteNumber("retry_after_ms"u8, retryAfterMs);
            writer.WriteEndObject();
        }
        return new RawJson(buffer.WrittenMemory.ToArray());
    }

    [LoggerMessage(LogLevel.Information,
        "The delayed event {delayId} was sent to {roomId}, {lateMs} ms after its time")]
    private partial void LogSent(string delayId, string roomId, long lateMs);

    [LoggerMessage(LogLevel.Information, "The delayed event {delayId} could not be sent to {roomId}: {errcode}")]
    private partial void LogRefused(string delayId, string roomId, string errcode);
}
