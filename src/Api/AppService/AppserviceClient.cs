using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json;
using Matrix.EventSourced.Api.FederationApi;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.AppServices;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.AppService;

/// <summary>What an application service answered.</summary>
internal abstract record AppserviceReply
{
    private AppserviceReply() { }

    /// <summary>An answer with a status; Body at most as large as is read of any.</summary>
    public sealed record Answered(int Status, ReadOnlyMemory<byte> Body) : AppserviceReply
    {
        public bool IsSuccess => Status is >= 200 and < 300;
    }

    public sealed record Unreachable(string Reason) : AppserviceReply;

    public sealed record TimedOut(TimeSpan After) : AppserviceReply;

    /// <summary>In a few words, for the log.</summary>
    public string Describe() => this switch
    {
        Answered answered => $"status {answered.Status}",
        Unreachable unreachable => unreachable.Reason,
        TimedOut timedOut => $"no answer within {timedOut.After}",
        _ => string.Empty,
    };
}

/// <summary>A request to an application service.</summary>
/// <remarks>Shape: Path and LegacyPath begin with a slash and are escaped; LegacyPath null where older drafts have
/// none.</remarks>
internal sealed record AppserviceRequest(
    HttpMethod Method, string Path, string? LegacyPath, ReadOnlyMemory<byte>? Body, TimeSpan Timeout);

/// <summary>Sends requests to application services.</summary>
/// <remarks>
/// Spec: v1.19 application-service-api #authorisation, #legacy-routes.
/// Addresses come from the administrator, so any of them may be contacted, loopback too. Redirects are not followed:
/// the token is for the service alone.
/// A service that refuses a path, and takes the one of older drafts, is asked by that one for a while.
/// </remarks>
internal sealed class AppserviceClient : IDisposable
{
    /// <summary>How long a service that knows only the older paths is asked by them.</summary>
    private static readonly TimeSpan LegacyFor = TimeSpan.FromHours(1);

    private readonly HttpMessageInvoker _http;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<string, DateTimeOffset> _serviceToLegacyUntil = new(StringComparer.Ordinal);

    public AppserviceClient(TimeProvider time)
    {
        _time = time;
        _http = new HttpMessageInvoker(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(1),
        });
    }

    /// <remarks>Requires: the service has a URL.</remarks>
    public async ValueTask<AppserviceReply> SendAsync(
        AppserviceRegistration service, AppserviceRequest request, CancellationToken cancellationToken)
    {
        var isLegacy = request.LegacyPath is not null
            && _serviceToLegacyUntil.TryGetValue(service.Id, out var until)
            && until > _time.GetUtcNow();
        var first = await SendOnceAsync(service, request, isLegacy, cancellationToken);
        if (request.LegacyPath is null || first is not AppserviceReply.Answered answered || !MayBeUnknownPath(answered))
            return first;
        var second = await SendOnceAsync(service, request, !isLegacy, cancellationToken);
        if (second is not AppserviceReply.Answered { IsSuccess: true })
            return first;
        if (isLegacy)
            _serviceToLegacyUntil.TryRemove(service.Id, out _);
        else
            _serviceToLegacyUntil[service.Id] = _time.GetUtcNow() + LegacyFor;
        return second;
    }

    /// <summary>Whether a service may have said that it does not know the path, or wants its token in the
    /// query.</summary>
    /// <remarks>Other statuses say that it is away or busy, and a 404 that names its error says that there is no such
    /// user or room.</remarks>
    private static bool MayBeUnknownPath(AppserviceReply.Answered answered) => answered.Status switch
    {
        404 => ErrCodeOf(answered.Body) is null or ErrCodes.Unrecognized,
        429 or 502 or 503 or 504 => false,
        var status => status >= 400,
    };

    private static string? ErrCodeOf(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            return json.RootElement.ValueKind == JsonValueKind.Object
                && json.RootElement.TryGetProperty("errcode"u8, out var code)
                && code.ValueKind == JsonValueKind.String
                ? code.GetString()
                : null;
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private async ValueTask<AppserviceReply> SendOnceAsync(
        AppserviceRegistration service, AppserviceRequest request, bool isLegacy, CancellationToken cancellationToken)
    {
        var path = isLegacy ? WithToken(request.LegacyPath!, service.HsToken) : request.Path;
        using var message = new HttpRequestMessage(request.Method, new Uri(service.Url + path));
        message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", service.HsToken);
        message.Headers.TryAddWithoutValidation("User-Agent", $"{ServerVersion.Name}/{ServerVersion.Version}");
        if (request.Body is { } body)
        {
            message.Content = new ReadOnlyMemoryContent(body);
            message.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        }
        using var timeout = new CancellationTokenSource(request.Timeout, _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            using var response = await _http.SendAsync(message, both.Token);
            return new AppserviceReply.Answered((int)response.StatusCode, await ReadAsync(response, both.Token));
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return timeout.IsCancellationRequested
                ? new AppserviceReply.TimedOut(request.Timeout)
                : new AppserviceReply.Unreachable("the connection could not be made in time");
        }
        catch (Exception problem) when (problem is HttpRequestException or IOException or SocketException)
        {
            return new AppserviceReply.Unreachable(problem.Message);
        }
    }

    private static async ValueTask<ReadOnlyMemory<byte>> ReadAsync(
        HttpResponseMessage response, CancellationToken cancellationToken)
    {
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        var buffer = new byte[16 * 1_024];
        var length = 0;
        int read;
        while ((read = await stream.ReadAsync(buffer.AsMemory(length), cancellationToken)) > 0)
        {
            length += read;
            if (length >= Limits.AppserviceAnswerBytesMax)
                throw new IOException($"the answer is larger than {Limits.AppserviceAnswerBytesMax} bytes");
            if (length == buffer.Length)
                Array.Resize(ref buffer, length * 2);
        }
        return buffer.AsMemory(0, length);
    }

    /// <summary>Services that know only the older paths look for the token there.</summary>
    private static string WithToken(string path, string token) =>
        $"{path}{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}access_token={Uri.EscapeDataString(token)}";

    public void Dispose() => _http.Dispose();
}
