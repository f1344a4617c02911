using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.DelayedEvents;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;
using MediatR;

namespace Matrix.EventSourced.Commands.DelayedEvents;

/// <summary>Schedules an event to be sent later; answers its delay_id.</summary>
/// <remarks>
/// MSC4140. Whether the user may send it is decided when it is sent.
/// Shape: StateKey null for a message event; TransactionKey null where the request has no transaction id.
/// Ensures: the same request again gets the same delay_id, and nothing is written twice.
/// Errors: M_FORBIDDEN (switched off, or too long a delay), M_LIMIT_EXCEEDED (too many wait), M_BAD_JSON.
/// </remarks>
public sealed record ScheduleDelayedEvent(
    CommandContext Context,
    RoomId RoomId,
    UserId Sender,
    string Type,
    string? StateKey,
    JsonElement Content,
    long DelayMs,
    TransactionKey? Transaction) : ICommand<string>
{
    /// <summary>The time that an application service wants the event to have.</summary>
    public long? OriginServerTs { get; init; }
}

public sealed class ScheduleDelayedEventValidator : AbstractValidator<ScheduleDelayedEvent>
{
    public ScheduleDelayedEventValidator()
    {
        RuleFor(command => command.Type).IsEventType();
        RuleFor(command => command.StateKey ?? string.Empty).IsStateKey();
        RuleFor(command => command.Content).IsObject();
    }
}

public sealed class ScheduleDelayedEventHandler(
    AggregateStore<DelayedEventState> store,
    IDelayedEventLookup lookup,
    DelayedEventTurns turns,
    DelayedEventOptions options,
    IRandom random)
    : IRequestHandler<ScheduleDelayedEvent, CommandResult<string>>
{
    private const int IdBytes = 18;

    public async Task<CommandResult<string>> Handle(ScheduleDelayedEvent command, CancellationToken cancellationToken)
    {
        if (!options.IsEnabled)
            return MatrixError.Forbidden("This server sends no delayed events.");
        if (command.DelayMs > options.DelayMaxMs)
            return MatrixError.Forbidden($"An event can be delayed by at most {options.DelayMaxMs} milliseconds.");
        if (FindProblem(command.Content) is { } problem)
            return problem;
        var delayId = IdOf(command);
        // One at a time per user, or two at once would both be the last that may wait.
        using var turn = await turns.TakeAsync(command.Sender.Value, cancellationToken);
        if ((await store.LoadAsync(DelayedEventStreams.Of(delayId), cancellationToken)).State.Event is null
            && await FindLimitAsync(command, cancellationToken) is { } tooMany)
            return tooMany;
        var scheduled = new DelayedEventChanged(
            delayId,
            command.Sender,
            command.RoomId,
            command.Type,
            command.StateKey,
            RawJson.FromText(command.Content.GetRawText()),
            command.DelayMs,
            command.Context.ReceivedAtMs,
            command.OriginServerTs);
        var execution = await store.ExecuteAsync(
            DelayedEventStreams.Of(delayId),
            state => state.Event is null ? Decision.Accept(scheduled) : Decision.Nothing,
            command.Context,
            CancellationToken.None);
        return execution.ToResult(delayId);
    }

    /// <summary>What could never be sent is refused at once. Spec: v1.19 client-server-api #size-limits.</summary>
    private static MatrixError? FindProblem(JsonElement content) =>
        CanonicalJson.FindViolation(content) is { } violation ? MatrixError.BadJson(violation)
        : CanonicalJson.Canonicalise(content).Length > Limits.PduBytesMax
            ? MatrixError.TooLarge($"An event has at most {Limits.PduBytesMax} bytes.")
            : null;

    private async ValueTask<MatrixError?> FindLimitAsync(
        ScheduleDelayedEvent command, CancellationToken cancellationToken)
    {
        var (count, firstDueMs) = await lookup.CountAsync(command.Sender, cancellationToken);
        return count < options.ScheduledMax ? null : new MatrixError(
            429, ErrCodes.LimitExceeded, $"At most {options.ScheduledMax} delayed events may wait at once.")
        {
            RetryAfterMs = Math.Max(1, (firstDueMs ?? 0) - command.Context.ReceivedAtMs),
        };
    }

    /// <summary>Made from the request's transaction, so that the same one is found again; the id itself opens nothing.
    /// </summary>
    private string IdOf(ScheduleDelayedEvent command)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        if (command.Transaction is { } key)
        {
            var text = string.Join(
                '\0', key.UserId.Value, key.DeviceId, command.RoomId.Value, key.Scope, key.TransactionId);
            SHA256.HashData(Encoding.UTF8.GetBytes(text), hash);
        }
        else
        {
            random.Fill(hash);
        }
        return Base64Url.EncodeToString(hash[..IdBytes]);
    }
}
