using System.Net.Http.Headers;

namespace Matrix.EventSourced.Federation.Transport;

/// <summary>Requests to other servers whose answers are too large to be taken as a whole.</summary>
/// <remarks>Ensures: never throws for what the other server or the network does before the body; reading the body
/// throws IOException or HttpRequestException for it. The clock of the request runs until its headers are
/// there.</remarks>
public interface IStreamingTransport
{
    /// <summary>Asks another server; the answer holds the connection until it is disposed.</summary>
    ValueTask<StreamedAnswer> OpenAsync(FederationRequest request, CancellationToken cancellationToken);

    /// <summary>Asks any place for what another server said lies there, through the same guard of addresses, unsigned.
    /// Redirects are the caller's to follow.</summary>
    ValueTask<StreamedAnswer> OpenAsync(Uri address, TimeSpan timeout, CancellationToken cancellationToken);
}

/// <summary>An answer whose body is still to be read, or why there is none.</summary>
/// <remarks>Shape: Response is null exactly where Failure is not.</remarks>
public sealed class StreamedAnswer : IDisposable
{
    private readonly IDisposable? _pass;

    public StreamedAnswer(HttpResponseMessage response, IDisposable? pass) => (Response, _pass) = (response, pass);

    public StreamedAnswer(FederationAnswer failure) => Failure = failure;

    public HttpResponseMessage? Response { get; }

    /// <summary>Unreachable, timed out or denied.</summary>
    public FederationAnswer? Failure { get; }

    public HttpContentHeaders? Headers => Response?.Content.Headers;

    public void Dispose()
    {
        Response?.Dispose();
        _pass?.Dispose();
    }
}
