using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.AppService;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol.AppServices;
using Matrix.EventSourced.Protocol.Errors;
using MediatR;

namespace Matrix.EventSourced.Api.AppService;

/// <summary>Begins to follow application services that are new, and makes their own users.</summary>
/// <remarks>
/// Spec: v1.19 application-service-api #registration (sender_localpart).
/// A new service hears of what happens from now on, not of what happened before it came.
/// Requires: started before the projections, which ask from where on each service is followed.
/// </remarks>
internal sealed class AppserviceStart(
    AppserviceSet services,
    AppserviceDeliveryLog deliveries,
    IEventReader log,
    IMediator mediator,
    TimeProvider time) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var service in services.All)
        {
            if (await deliveries.ReadAsync(service.Id, cancellationToken) is null)
            {
                var head = await log.ReadHeadAsync(cancellationToken);
                await deliveries.WriteAsync(new AppserviceTransactionDelivered(service.Id, (long)head.Value));
            }
            await RegisterAsync(service, cancellationToken);
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private async ValueTask RegisterAsync(AppserviceRegistration service, CancellationToken cancellationToken)
    {
        var command = new RegisterAccount(
            new CommandContext(FactActor.Self, time.GetUtcNow().ToUnixTimeMilliseconds(), "appservice"),
            service.Sender,
            AccountKind.Appservice,
            IsAdmin: false,
            Password: null,
            DeviceId: null,
            DeviceName: null,
            InhibitLogin: true)
        {
            AppserviceId = service.Id,
        };
        // In use means that it is there already, whoever made it.
        if (await mediator.Send(command, cancellationToken)
            is CommandResult<OpenedSession>.Refused { Error: { ErrCode: not ErrCodes.UserInUse } error })
        {
            throw new InvalidOperationException($"The user {service.Sender} cannot be made: {error.Message}");
        }
    }
}
