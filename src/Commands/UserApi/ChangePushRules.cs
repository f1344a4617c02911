using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi.ClientConfig;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>Changes the user's push rules, which are the account data <c>m.push_rules</c>.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #push-rules-api, #push-rules-events.
/// Errors: those of the change; M_TOO_LARGE when the rules would be more than is kept.
/// </remarks>
public sealed record ChangePushRules(CommandContext Context, UserId UserId, PushRuleChange Change) : ICommand<Unit>;

public sealed class ChangePushRulesHandler(AggregateStore<ClientConfigState> configs)
    : IRequestHandler<ChangePushRules, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(ChangePushRules command, CancellationToken cancellationToken)
    {
        var execution = await configs.ExecuteAsync(
            UserStreams.AccountData(command.UserId),
            state => ClientConfigDecider.ChangePushRules(state, command.UserId, command.Change),
            command.Context,
            cancellationToken);
        return execution.ToResult(Unit.Value);
    }
}
