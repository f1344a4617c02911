using FluentValidation;
using FluentValidation.Results;
using Matrix.EventSourced.Protocol.Errors;
using MediatR;

namespace Matrix.EventSourced.Commands.Messaging;

/// <summary>Checks a command's shape before its handler sees it; the first failure becomes the refusal.</summary>
/// <remarks>
/// Shape: a rule says its errcode with <c>WithErrorCode(ErrCodes.…)</c>; without one it is M_INVALID_PARAM. M_TOO_LARGE
/// answers 413, all others 400.
/// Errors: never an exception; a command without validators passes.
/// </remarks>
public sealed class ValidationBehaviour<TRequest, TResponse>(IEnumerable<IValidator<TRequest>> validators)
    : IPipelineBehavior<TRequest, TResponse>
    where TRequest : IRequest<TResponse>
    where TResponse : IRefusable<TResponse>
{
    public Task<TResponse> Handle(
        TRequest request, CancellationToken cancellationToken, RequestHandlerDelegate<TResponse> next)
    {
        foreach (var validator in validators)
        {
            var result = validator.Validate(request);
            if (!result.IsValid)
                return Task.FromResult(TResponse.Refuse(ToError(result.Errors[0])));
        }
        return next();
    }

    private static MatrixError ToError(ValidationFailure failure)
    {
        var code = failure.ErrorCode is { } given
            && given.StartsWith("M_", StringComparison.Ordinal)
            ? given
            : ErrCodes.InvalidParam;
        return new MatrixError(code == ErrCodes.TooLarge ? 413 : 400, code, failure.ErrorMessage, failure.PropertyName);
    }
}
