using System.Net;
using Matrix.EventSourced.Federation.Discovery;

namespace Matrix.EventSourced.Federation.Transport;

// Answers that are read as they come.
public sealed partial class HttpFederationTransport : IStreamingTransport
{
    private readonly DestinationGates _streamGates = new(FederationLimits.StreamsPerDestinationMax);

    public async ValueTask<StreamedAnswer> OpenAsync(FederationRequest request, CancellationToken cancellationToken)
    {
        if (request.Destination == identity.Name)
            return new StreamedAnswer(new FederationAnswer.Denied("that is this server itself"));
        return await WithinAsync(
            request.Timeout,
            async token =>
            {
                // Held while the body is read: large files must not keep the server's other requests waiting.
                var pass = await _streamGates.EnterAsync(request.Destination, token);
                try
                {
                    var answer = await FindAndOpenAsync(request, pass, token);
                    if (answer.Response is null)
                        pass.Dispose();
                    return answer;
                }
                catch
                {
                    pass.Dispose();
                    throw;
                }
            },
            cancellationToken);
    }

    public async ValueTask<StreamedAnswer> OpenAsync(
        Uri address, TimeSpan timeout, CancellationToken cancellationToken) => await WithinAsync(
        timeout,
        async token =>
        {
            try
            {
                using var message = Message(HttpMethod.Get, address, address.Authority, null);
                return new StreamedAnswer(await http.Invoker.SendAsync(message, token), pass: null);
            }
            catch (Exception problem) when (IsOfTheNetwork(problem))
            {
                return new StreamedAnswer(Failed(address.Authority, problem));
            }
        },
        cancellationToken);

    private async ValueTask<StreamedAnswer> WithinAsync(
        TimeSpan timeout,
        Func<CancellationToken, ValueTask<StreamedAnswer>> open,
        CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(timeout, time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            return await open(linked.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new StreamedAnswer(new FederationAnswer.TimedOut(timeout));
        }
    }

    private async ValueTask<StreamedAnswer> FindAndOpenAsync(
        FederationRequest request, IDisposable pass, CancellationToken cancellationToken)
    {
        var found = await discovery.FindAsync(request.Destination, cancellationToken);
        if (found is not DiscoveryResult.Found { Target: var target })
        {
            return new StreamedAnswer(
                new FederationAnswer.Unreachable(((DiscoveryResult.NoService)found).Reason));
        }
        var authorization = request.IsSigned ? Authorization(request) : null;
        FederationAnswer failed = new FederationAnswer.Unreachable("it has no place");
        foreach (var place in target.Places)
        {
            try
            {
                var uri = new Uri(
                    $"https://{place}{request.Uri}",
                    new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
                using var message = Message(new HttpMethod(request.Method), uri, target.Host, authorization);
                return new StreamedAnswer(await http.Invoker.SendAsync(message, cancellationToken), pass);
            }
            catch (Exception problem) when (IsOfTheNetwork(problem))
            {
                failed = Failed(place.ToString(), problem);
                if (!TransportFault.IsBeforeSending(problem))
                    break;
            }
        }
        return new StreamedAnswer(failed);
    }

    private HttpRequestMessage Message(HttpMethod method, Uri uri, string host, string? authorization)
    {
        var message = new HttpRequestMessage(method, uri)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
        message.Headers.Host = host;
        message.Headers.UserAgent.ParseAdd(options.UserAgent);
        if (authorization is not null)
            message.Headers.TryAddWithoutValidation("Authorization", authorization);
        return message;
    }

    private static FederationAnswer Failed(string place, Exception problem)
    {
        var reason = $"{place}: {TransportFault.Describe(problem)}";
        return TransportFault.IsDenied(problem)
            ? new FederationAnswer.Denied(reason)
            : new FederationAnswer.Unreachable(reason);
    }

    private static bool IsOfTheNetwork(Exception problem) =>
        problem is HttpRequestException or IOException or UriFormatException or NotSupportedException;
}
