using Matrix.EventSourced.Federation.Transport;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Matrix.EventSourced.Api.Tests.Federation;

/// <summary>The real transport, but for the requests that the test answers itself.</summary>
internal sealed class InterceptedTransport(IFederationTransport real, Interception interception) : IFederationTransport
{
    public async ValueTask<FederationAnswer> SendAsync(FederationRequest request, CancellationToken cancellationToken) =>
        await interception.AnswerAsync(request, cancellationToken) ?? await real.SendAsync(request, cancellationToken);
}

/// <summary>What a test answers in place of other servers.</summary>
public sealed class Interception
{
    private readonly List<FederationRequest> _requests = [];

    /// <summary>The answer to a request; null to send it.</summary>
    public Func<FederationRequest, CancellationToken, Task<FederationAnswer?>> Answer { get; set; } =
        (_, _) => Task.FromResult<FederationAnswer?>(null);

    /// <summary>All requests that were made so far, in order.</summary>
    public IReadOnlyList<FederationRequest> Requests
    {
        get
        {
            lock (_requests)
                return [.. _requests];
        }
    }

    public async Task<FederationAnswer?> AnswerAsync(FederationRequest request, CancellationToken cancellationToken)
    {
        lock (_requests)
            _requests.Add(request);
        return await Answer(request, cancellationToken);
    }

    /// <summary>Puts it before the server's transport.</summary>
    public void Install(IServiceCollection services)
    {
        services.AddSingleton<HttpFederationTransport>();
        services.Replace(ServiceDescriptor.Singleton<IFederationTransport>(provider =>
            new InterceptedTransport(provider.GetRequiredService<HttpFederationTransport>(), this)));
    }
}
