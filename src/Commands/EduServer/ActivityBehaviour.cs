using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.EduServer;

/// <summary>A user whose device did something is active: whatever command it was.</summary>
/// <remarks>Spec: v1.19 client-server-api #last-active-ago. Cost: a look into memory; a write once a minute at
/// most.</remarks>
public sealed class ActivityBehaviour<TRequest, TResponse>(PresenceTracker presence)
    : IPipelineBehavior<TRequest, TResponse>
    where TRequest : IRequest<TResponse>
{
    public async Task<TResponse> Handle(
        TRequest request, CancellationToken cancellationToken, RequestHandlerDelegate<TResponse> next)
    {
        var response = await next();
        if (request is ICommand { Context.Actor: { User: { } user, Device: not null } } and not SetPresence
            && UserId.TryParse(user, out var userId))
            await presence.ActAsync(userId);
        return response;
    }
}
