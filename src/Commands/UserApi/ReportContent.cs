using System.Text;
using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using MediatR;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>Takes down a report for the administrators.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #reporting-content.
/// Requires: what is reported was looked for. Errors: M_TOO_LARGE for a reason that is too long.
/// </remarks>
public sealed record ReportContent(CommandContext Context, ContentReported Report) : ICommand<Unit>;

public sealed class ReportContentValidator : AbstractValidator<ReportContent>
{
    public ReportContentValidator() =>
        RuleFor(command => command.Report.Reason)
            .Must(reason => reason is null || Encoding.UTF8.GetByteCount(reason) <= Limits.ReportReasonBytesMax)
            .WithErrorCode(ErrCodes.TooLarge)
            .WithMessage($"A reason may be at most {Limits.ReportReasonBytesMax} bytes long.");
}

public sealed class ReportContentHandler(FactAppender appender) : IRequestHandler<ReportContent, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(ReportContent command, CancellationToken cancellationToken)
    {
        var appended = await appender.AppendAsync(
            UserStreams.Reports, ExpectedRevision.Any, [command.Report], command.Context);
        // No projection shows reports, so there is none to wait for.
        return appended is AppendResult.Appended
            ? new CommandResult<Unit>.Done(Unit.Value, LogPosition.Start)
            : throw new InvalidOperationException("An append that expects nothing met a conflict.");
    }
}
