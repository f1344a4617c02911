using System.Text.Json;
using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using MediatR;

namespace Matrix.EventSourced.Commands.Roomserver.Perform;

/// <summary>Sends a message event: PUT /rooms/{roomId}/send/{eventType}/{txnId}.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #put_matrixclientv3roomsroomidsendeventtypetxnid. A redaction sent here is a redaction
/// like any other.
/// Errors: M_FORBIDDEN, M_BAD_JSON, M_TOO_LARGE; for redactions M_NOT_FOUND, M_MISSING_PARAM.
/// </remarks>
public sealed record SendEvent(
    CommandContext Context,
    RoomId RoomId,
    UserId Sender,
    string Type,
    JsonElement Content,
    TransactionKey? Transaction,
    bool IsAdmin = false) : ICommand<EventId>
{
    /// <inheritdoc cref="RoomCommand.OriginServerTs"/>
    public long? OriginServerTs { get; init; }

    /// <inheritdoc cref="SendPdu.Annotation"/>
    public AnnotationKey? Annotation { get; init; }
}

public sealed class SendEventValidator : AbstractValidator<SendEvent>
{
    public SendEventValidator()
    {
        RuleFor(command => command.Type).IsEventType();
        RuleFor(command => command.Content).IsObject();
    }
}

public sealed class SendEventHandler(IRoomserver rooms, Redactions redactions)
    : IRequestHandler<SendEvent, CommandResult<EventId>>
{
    public async Task<CommandResult<EventId>> Handle(SendEvent command, CancellationToken cancellationToken)
    {
        if (command.Type == EventTypes.Redaction)
            return await RedactAsync(command);
        var send = new SendPdu(command.Context, command.Sender, command.Type, null, command.Content)
        {
            Transaction = command.Transaction,
            OriginServerTs = command.OriginServerTs,
            Annotation = command.Annotation,
        };
        return (await rooms.PerformAsync(command.RoomId, send)).ToEventId();
    }

    private ValueTask<CommandResult<EventId>> RedactAsync(SendEvent command)
    {
        if (command.Content.StringOrNull("redacts") is not { } redacts)
            return new(MatrixError.MissingParam("A redaction needs 'redacts' in its content."));
        return redactions.PerformAsync(
            command.RoomId,
            redacts,
            command.IsAdmin,
            new SendPdu(
                command.Context, command.Sender, command.Type, null, JsonContent.Without(command.Content, "redacts"))
            {
                Transaction = command.Transaction,
                OriginServerTs = command.OriginServerTs,
            });
    }
}
