using System.Diagnostics;
using MediatR;

namespace Matrix.EventSourced.Commands.Messaging;

/// <summary>One activity per command, named after it; free when nobody listens.</summary>
public sealed class TracingBehaviour<TRequest, TResponse> : IPipelineBehavior<TRequest, TResponse>
    where TRequest : IRequest<TResponse>
{
    public async Task<TResponse> Handle(
        TRequest request, CancellationToken cancellationToken, RequestHandlerDelegate<TResponse> next)
    {
        using var activity = CommandsTelemetry.Source.StartActivity(typeof(TRequest).Name);
        return await next();
    }
}

/// <summary>Where the write side's traces come from.</summary>
public static class CommandsTelemetry
{
    public static readonly ActivitySource Source = new("Matrix.EventSourced.Commands");
}
