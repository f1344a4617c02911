using System.Text;
using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>Sets account data of one type, globally or for a room.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #put_matrixclientv3useruseridaccount_datatype.
/// Shape: Content is a JSON object, kept verbatim.
/// Errors: 405 M_BAD_JSON for the types that the server manages; M_TOO_LARGE.
/// </remarks>
public sealed record SetAccountData(CommandContext Context, UserId UserId, RoomId? RoomId, string Type, RawJson Content)
    : ICommand<Unit>
{
    /// <summary>The server sets it for the user, who may not: the types that it manages are allowed.</summary>
    public bool IsByServer { get; init; }
}

public sealed class SetAccountDataValidator : AbstractValidator<SetAccountData>
{
    public SetAccountDataValidator()
    {
        RuleFor(command => command.Type)
            .Must(type => type.Length > 0 && Encoding.UTF8.GetByteCount(type) <= Limits.IdentifierBytesMax)
            .WithMessage($"A type of account data has 1 to {Limits.IdentifierBytesMax} bytes.");
        RuleFor(command => command.Content)
            .Must(content => content.Utf8.Length <= Limits.AccountDataBytesMax)
            .WithErrorCode(ErrCodes.TooLarge)
            .WithMessage($"Account data may be at most {Limits.AccountDataBytesMax} bytes large.");
    }
}

/// <summary>
/// The last write wins and each is recorded, so there is no state to decide on and no revision to expect.
/// </summary>
public sealed class SetAccountDataHandler(FactAppender appender) : IRequestHandler<SetAccountData, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(SetAccountData command, CancellationToken cancellationToken)
    {
        if (IsManaged(command.Type) && !command.IsByServer)
            return new MatrixError(
                405, ErrCodes.BadJson, $"{command.Type} is managed by the server and cannot be set here.");
        var appended = await appender.AppendAsync(
            UserStreams.AccountData(command.UserId),
            ExpectedRevision.Any,
            [new AccountDataSet(command.UserId, command.RoomId, command.Type, command.Content)],
            command.Context);
        return appended is AppendResult.Appended done
            ? new CommandResult<Unit>.Done(Unit.Value, done.Position)
            : throw new InvalidOperationException("An append that expects nothing met a conflict.");
    }

    /// <summary>Spec: v1.19 client-server-api #client-config, server behaviour.</summary>
    private static bool IsManaged(string type) => type is "m.fully_read" or "m.push_rules";
}
