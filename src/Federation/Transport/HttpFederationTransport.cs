using System.Net;
using System.Net.Http.Headers;
using Matrix.EventSourced.Federation.Discovery;
using Matrix.EventSourced.Protocol.Signing;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Federation.Transport;

/// <summary>Requests over the network.</summary>
/// <remarks>
/// <code>
///   gate (so many per destination) → discovery → sign → place 1, place 2, … → bounded body
/// </code>
/// The next place is tried only while nobody can have got the request.
/// The clock runs from the gate on: a request that waited too long is not sent any more.
/// </remarks>
public sealed partial class HttpFederationTransport(
    ServerIdentity identity,
    ServerDiscovery discovery,
    FederationHttp http,
    FederationOptions options,
    TimeProvider time,
    ILogger<HttpFederationTransport> logger) : IFederationTransport
{
    private readonly DestinationGates _gates = new(FederationLimits.RequestsPerDestinationMax);

    public async ValueTask<FederationAnswer> SendAsync(
        FederationRequest request, CancellationToken cancellationToken)
    {
        if (request.Destination == identity.Name && !request.MayBeToUs)
            return new FederationAnswer.Denied("that is this server itself");
        var began = time.GetTimestamp();
        using var timeout = new CancellationTokenSource(request.Timeout, time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        FederationAnswer answer;
        try
        {
            using var pass = await _gates.EnterAsync(request.Destination, linked.Token);
            answer = await FindAndSendAsync(request, linked.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            answer = new FederationAnswer.TimedOut(request.Timeout);
        }
        var elapsed = time.GetElapsedTime(began);
        TransportMeter.Record(answer, elapsed);
        Log(request, answer, elapsed);
        return answer;
    }

    private async ValueTask<FederationAnswer> FindAndSendAsync(
        FederationRequest request, CancellationToken cancellationToken)
    {
        var found = await discovery.FindAsync(request.Destination, cancellationToken);
        if (found is not DiscoveryResult.Found { Target: var target })
            return new FederationAnswer.Unreachable(((DiscoveryResult.NoService)found).Reason);
        var authorization = request.IsSigned ? Authorization(request) : null;
        FederationAnswer failed = new FederationAnswer.Unreachable("it has no place");
        foreach (var place in target.Places)
        {
            try
            {
                return await SendAsync(request, target.Host, place, authorization, cancellationToken);
            }
            catch (Exception problem) when (problem is HttpRequestException or IOException
                or UriFormatException or NotSupportedException)
            {
                var reason = $"{place}: {TransportFault.Describe(problem)}";
                failed = TransportFault.IsDenied(problem)
                    ? new FederationAnswer.Denied(reason)
                    : new FederationAnswer.Unreachable(reason);
                if (!TransportFault.IsBeforeSending(problem))
                    return failed;
            }
        }
        return failed;
    }

    private async ValueTask<FederationAnswer> SendAsync(
        FederationRequest request,
        string host,
        Place place,
        string? authorization,
        CancellationToken cancellationToken)
    {
        // The signature is of the target as we wrote it: nothing may tidy it up on its way.
        var uri = new Uri(
            $"https://{place}{request.Uri}",
            new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        using var message = new HttpRequestMessage(new HttpMethod(request.Method), uri)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
        message.Headers.Host = host;
        message.Headers.UserAgent.ParseAdd(options.UserAgent);
        if (authorization is not null)
            message.Headers.TryAddWithoutValidation("Authorization", authorization);
        if (!request.Content.IsEmpty)
        {
            message.Content = new ReadOnlyMemoryContent(request.Content);
            message.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        }
        using var response = await http.Invoker.SendAsync(message, cancellationToken);
        var body = await BoundedBody.ReadAsync(response, request.BodyBytesMax, cancellationToken);
        return body is { } bytes
            ? new FederationAnswer.Answered((int)response.StatusCode, bytes) { RetryAfter = RetryAfter(response) }
            : new FederationAnswer.TooLarge(request.BodyBytesMax);
    }

    private string Authorization(FederationRequest request) =>
        new SignedRequest(request.Method, request.Uri, identity.Name, request.Destination, request.Content)
            .Sign(identity.Key)
            .ToString();

    private TimeSpan? RetryAfter(HttpResponseMessage response)
    {
        var wait = response.Headers.RetryAfter is not { } header ? null
            : header.Delta ?? (header.Date is { } date ? date - time.GetUtcNow() : null);
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait;
    }

    private void Log(FederationRequest request, FederationAnswer answer, TimeSpan elapsed)
    {
        var path = request.Uri.AsSpan();
        if (path.IndexOf('?') is >= 0 and var query)
            path = path[..query];
        if (answer is FederationAnswer.Answered answered)
            LogAnswered(
                logger, request.Method, path.ToString(), request.Destination.Value, answered.Status,
                answered.Body.Length, elapsed.TotalMilliseconds);
        else
            LogFailed(
                logger, request.Method, path.ToString(), request.Destination.Value, answer.ToString(),
                elapsed.TotalMilliseconds);
    }

    [LoggerMessage(Level = LogLevel.Debug, Message =
        "{method} {path} to {destination}: {status}, {bytes} bytes, {elapsed_ms} ms.")]
    private static partial void LogAnswered(
        ILogger logger, string method, string path, string destination, int status, int bytes, double elapsed_ms);

    [LoggerMessage(Level = LogLevel.Information, Message =
        "{method} {path} to {destination} failed: {outcome}, {elapsed_ms} ms.")]
    private static partial void LogFailed(
        ILogger logger, string method, string path, string destination, string outcome, double elapsed_ms);
}
