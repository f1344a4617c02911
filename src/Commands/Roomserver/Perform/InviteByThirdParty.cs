using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.ThirdParty;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.Roomserver.Perform;

/// <summary>Invites whoever owns an address: POST /rooms/{roomId}/invite with a third-party identifier.</summary>
/// <remarks>Spec: v1.19 client-server-api #third-party-invites. Errors: M_FORBIDDEN without
/// the power or where the identity server refuses; M_TERMS_NOT_SIGNED; 502 where it cannot be reached.</remarks>
public sealed record InviteByThirdParty(CommandContext Context, RoomId RoomId, UserId Sender, ThirdPartyTarget Target)
    : ICommand<Unit>;

public sealed class InviteByThirdPartyValidator : AbstractValidator<InviteByThirdParty>
{
    public InviteByThirdPartyValidator()
    {
        RuleFor(command => command.Target.Medium).Must(IsShort).WithMessage("'medium' is empty or too long.");
        RuleFor(command => command.Target.Address).Must(IsShort).WithMessage("'address' is empty or too long.");
    }

    private static bool IsShort(string text) => text.Length is > 0 and <= Limits.ThirdPartyIdentifierCharsMax;
}

public sealed class InviteByThirdPartyHandler(ThirdPartyInvites invites)
    : IRequestHandler<InviteByThirdParty, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(InviteByThirdParty command, CancellationToken cancellationToken) =>
        (await invites.OfferAsync(command.Context, command.RoomId, command.Sender, command.Target)).ToUnit();
}
