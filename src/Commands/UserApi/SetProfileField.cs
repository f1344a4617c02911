using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>Sets a field of the user's profile; Value null removes it.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #put_matrixclientv3profileuseridkeyname, #delete_matrixclientv3profileuseridkeyname.
/// Requires: Field passed <see cref="ProfileFields.FindProblem"/>; a display name or an avatar is a JSON string.
/// Errors: M_PROFILE_TOO_LARGE, M_INVALID_PARAM, M_GUEST_ACCESS_FORBIDDEN.
/// </remarks>
public sealed record SetProfileField(CommandContext Context, UserId UserId, string Field, RawJson? Value)
    : ICommand<Unit>;

public sealed class SetProfileFieldValidator : AbstractValidator<SetProfileField>
{
    public SetProfileFieldValidator() =>
        RuleFor(command => command.Value)
            .Must(value => value is null || value.Value.Utf8.Length <= Limits.ProfileNameBytesMax)
            .When(command => command.Field is ProfileFields.DisplayName or ProfileFields.AvatarUrl)
            .WithMessage($"A display name or avatar may be at most {Limits.ProfileNameBytesMax} bytes long.");
}

public sealed class SetProfileFieldHandler(
    AggregateStore<AccountState> accounts, IEnumerable<IProfilePropagation> propagations)
    : IRequestHandler<SetProfileField, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(SetProfileField command, CancellationToken cancellationToken)
    {
        var execution = await accounts.ExecuteAsync(
            UserStreams.Account(command.UserId),
            state =>
                AccountDecider.SetProfileField(state, new ProfileChanged(command.UserId, command.Field, command.Value)),
            command.Context,
            cancellationToken);
        var isInMemberEvents = command.Field is ProfileFields.DisplayName or ProfileFields.AvatarUrl;
        if (isInMemberEvents && execution is Execution<AccountState>.Done done && !ReferenceEquals(
            done.Before, done.After))
        {
            foreach (var propagation in propagations)
                await propagation.PropagateAsync(command.UserId, command.Context);
        }
        return execution.ToResult(Unit.Value);
    }
}
