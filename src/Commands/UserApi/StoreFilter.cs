using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>Stores a filter and answers its id; the same filter has the same id.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #post_matrixclientv3useruseridfilter. Requires: the filter's shape was checked.
/// </remarks>
public sealed record StoreFilter(CommandContext Context, UserId UserId, RawJson Filter) : ICommand<string>;

public sealed class StoreFilterValidator : AbstractValidator<StoreFilter>
{
    public StoreFilterValidator() =>
        RuleFor(command => command.Filter)
            .Must(filter => filter.Utf8.Length <= Limits.FilterBytesMax)
            .WithErrorCode(ErrCodes.TooLarge)
            .WithMessage($"A filter may be at most {Limits.FilterBytesMax} bytes large.");
}

public sealed class StoreFilterHandler(AggregateStore<AccountState> accounts)
    : IRequestHandler<StoreFilter, CommandResult<string>>
{
    public async Task<CommandResult<string>> Handle(StoreFilter command, CancellationToken cancellationToken)
    {
        var filterId = AccountDecider.FilterIdOf(command.Filter);
        return (await accounts.ExecuteAsync(
            UserStreams.Account(command.UserId),
            state => AccountDecider.StoreFilter(state, new FilterStored(command.UserId, filterId, command.Filter)),
            command.Context,
            cancellationToken)).ToResult(filterId);
    }
}
