using Matrix.EventSourced.Api.AppService;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.Errors;
using Microsoft.AspNetCore.Http.Features;

namespace Matrix.EventSourced.Api.Http;

/// <summary>What a listener's pipeline is made of.</summary>
/// <remarks>Shape: Cors is on for what browsers call (the client API), off between servers.</remarks>
internal sealed record PipelineOptions(bool Cors, TrustedProxies TrustedProxies)
{
    /// <summary>Who checks the signatures of other servers' requests; null where none come.</summary>
    public ServerAuthenticator? Servers { get; init; }

    /// <summary>Who knows the application services' tokens; null where there are none.</summary>
    public AppserviceAuthenticator? Appservices { get; init; }

    /// <summary>Who notes the devices that are used; null where none are.</summary>
    public DeviceActivity? Activity { get; init; }
}

/// <summary>Answers every request of one listener; the one place that catches what a handler throws.</summary>
/// <remarks>
/// <code>
///   raw target → Router ─ unknown: 404 │ other method: 405 │ bad encoding: 400 │ OPTIONS: 204, nothing runs
///        │ CORS headers (on every answer, errors too)
///        │ access token → IAuthenticator ─ none: 401 M_MISSING_TOKEN │ unknown: 401 M_UNKNOWN_TOKEN │ guest: 403
///        │                                 expired: 401, soft_logout │ locked: 401 M_USER_LOCKED │ suspended: 403
///        │ rate limit   → RateLimiter    ─ 429 M_LIMIT_EXCEEDED, Retry-After
///        │ handler      → MatrixResponse
///        ▼ ResponseWriter
/// </code>
/// </remarks>
internal sealed partial class RequestPipeline(
    Router router,
    RateLimiter rateLimiter,
    IAuthenticator? authenticator,
    TimeProvider time,
    PipelineOptions options,
    ILogger<RequestPipeline> logger,
    CancellationToken serverStopping)
{
    private static readonly MatrixError UnknownPath =
        new(404, ErrCodes.Unrecognized, "Unrecognized request: no such path.");
    private static readonly MatrixError BadEncoding =
        new(400, ErrCodes.InvalidParam, "The path or query holds bad percent-encoding, invalid UTF-8 or U+0000.");
    private static readonly MatrixError MissingToken = new(401, ErrCodes.MissingToken, "An access token is needed.");
    private static readonly MatrixError UnknownToken =
        new(401, ErrCodes.UnknownToken, "The access token is not known.");
    private static readonly MatrixError ExpiredToken =
        new(401, ErrCodes.UnknownToken, "The access token has expired.") { Extra = [new("soft_logout", "true")] };
    private static readonly MatrixError Locked =
        new(401, ErrCodes.UserLocked, "This account has been locked.") { Extra = [new("soft_logout", "true")] };
    private static readonly MatrixError Guest = new(403, ErrCodes.GuestAccessForbidden, "Guests may not do this.");
    private static readonly MatrixError CatchingUp =
        new(503, ErrCodes.Unknown, "The server is catching up; try again in a moment.");
    private static readonly MatrixError Internal = new(500, ErrCodes.Unknown, "Internal server error.");
    private static readonly MatrixError OutOfReach =
        new(503, ErrCodes.Unknown, "The server cannot reach its storage; try again.");

    /// <summary>Spec: v1.19 client-server-api #account-suspension.</summary>
    internal static MatrixError Suspended { get; } =
        new(403, ErrCodes.UserSuspended, "You cannot perform this action while suspended.");

    public async Task HandleAsync(HttpContext http)
    {
        try
        {
            if (options.Cors)
                AddCorsHeaders(http.Response.Headers);
            await AnswerAsync(http);
        }
        catch (Exception) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client has gone; nobody is left to answer, and nothing is wrong with us.
        }
        catch (BadHttpRequestException exception)
        {
            // The request broke while its body was read: too slow, bad chunks, cut short.
            await FailAsync(
                http, new MatrixError(exception.StatusCode, ErrCodes.Unknown, "The request could not be read."));
        }
        catch (ProjectionBehindException)
        {
            // The gate has said in the log which projection, and how far behind.
            await FailAsync(http, CatchingUp);
        }
        catch (EventStoreException exception)
        {
            // The log is out of reach, which is not the request's fault, nor ours.
            LogOutOfReach(exception.Message, http.TraceIdentifier);
            await FailAsync(http, OutOfReach);
        }
        catch (Exception exception)
        {
            LogUnhandled(
                exception, http.TraceIdentifier, http.Request.Method, RequestTarget.Path(RawTarget(http)).ToString());
            await FailAsync(http, Internal);
        }
    }

    private async ValueTask AnswerAsync(HttpContext http)
    {
        var method = http.Request.Method;
        if (method == "OPTIONS")
        {
            http.Response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }

        var rawTarget = RawTarget(http);
        switch (router.Find(method, rawTarget))
        {
            case RouteMatch.Found found when !RequestTarget.QueryHasNul(rawTarget):
                if (found.Route.Spec.IsPage)
                    RemoveCorsHeaders(http.Response.Headers);
                var answer = await RunAsync(http, found);
                if (found.Route.Spec.IsPage && answer is MatrixResponse.Error { Value: var refusal })
                    await ErrorPage.WriteAsync(http, refusal);
                else
                    await ResponseWriter.WriteAsync(http, answer);
                break;
            case RouteMatch.Found or RouteMatch.BadEncoding:
                await ResponseWriter.WriteErrorAsync(http, BadEncoding);
                break;
            case RouteMatch.WrongMethod wrong:
                http.Response.Headers.Allow = wrong.Allowed;
                await ResponseWriter.WriteErrorAsync(
                    http,
                    new MatrixError(
                        405, ErrCodes.Unrecognized, $"Unrecognized request: this path answers {wrong.Allowed}."));
                break;
            default:
                await ResponseWriter.WriteErrorAsync(http, UnknownPath);
                break;
        }
    }

    private async ValueTask<MatrixResponse> RunAsync(HttpContext http, RouteMatch.Found found)
    {
        var spec = found.Route.Spec;
        Requester? requester = null;
        SignedBy? signedBy = null;
        if (spec.Auth == AuthKind.Server)
        {
            (signedBy, var refused) = await options.Servers!.AuthenticateAsync(http, spec, RawTarget(http));
            if (refused is not null)
                return refused;
        }
        else if (spec.Auth != AuthKind.None)
        {
            var token = AccessToken(http);
            if (token is not null && options.Appservices?.FindService(token) is { } service)
            {
                (requester, var refused) = await options.Appservices.IdentifyAsync(service, http);
                if (refused is not null)
                    return refused;
            }
            else if (token is not null && authenticator is not null)
            {
                requester = await authenticator.FindAsync(token, http.RequestAborted);
            }
            if (token is null && spec.Auth == AuthKind.AccessToken)
                return MissingToken;
            if (token is not null && requester is null)
                return UnknownToken;
            if (requester is not null && FindProblem(requester, spec) is { } problem)
                return problem;
        }

        var receivedAtMs = time.GetUtcNow().ToUnixTimeMilliseconds();
        if (requester is not null)
            options.Activity?.Note(http, requester.UserId, requester.DeviceId, receivedAtMs);

        if (!spec.IsCountedByHandler && Count(http, requester, spec, spec.Rate) is { } tooMany)
            return tooMany;

        return await found.Route.Handler(new MatrixRequest(
            http, spec, found.Parameters, requester, signedBy, receivedAtMs,
            rateClass => Count(http, requester, spec, rateClass), serverStopping));
    }

    private MatrixError? Count(HttpContext http, Requester? requester, EndpointSpec spec, RateClass rateClass)
    {
        if (rateClass == RateClass.None || IsUnlimited(http, requester, spec))
            return null;
        var key = requester?.UserId.Value ?? options.TrustedProxies.ClientAddress(http);
        return rateLimiter.Take(key, rateClass) is > 0 and var retryAfterMs
            ? new MatrixError(429, ErrCodes.LimitExceeded, "Too many requests: wait and try again.")
            {
                RetryAfterMs = retryAfterMs,
            }
            : null;
    }

    /// <summary>Application services whose requests are not counted; where they make accounts and sessions for their
    /// users, none are.</summary>
    private bool IsUnlimited(HttpContext http, Requester? requester, EndpointSpec spec) =>
        requester is { IsRateLimited: false }
        || (spec is { Auth: AuthKind.None, Rate: RateClass.Registration or RateClass.Login }
            && AccessToken(http) is { } token
            && options.Appservices?.FindService(token) is not null);

    /// <summary>Why a known user may not call an endpoint; null when they may.</summary>
    /// <remarks>
    /// Spec: v1.19 client-server-api #soft-logout, #account-locking, #account-suspension, #guest-access.
    /// </remarks>
    private static MatrixError? FindProblem(Requester requester, EndpointSpec spec) =>
        requester.IsExpired ? ExpiredToken
        : requester.IsLocked && !spec.LockedAllowed ? Locked
        : requester.IsSuspended && spec.ForbiddenWhileSuspended ? Suspended
        : requester.IsGuest && !spec.GuestsAllowed ? Guest
        : null;

    /// <summary>The token of the header, or of the query as clients of older spec versions send it.</summary>
    /// <remarks>Spec: v1.19 client-server-api #using-access-tokens.</remarks>
    internal static string? AccessToken(HttpContext http)
    {
        const string scheme = "Bearer ";
        var header = http.Request.Headers.Authorization;
        if (header.Count > 0)
        {
            var value = header[0];
            return value is not null && value.StartsWith(scheme, StringComparison.OrdinalIgnoreCase)
                && value.Length > scheme.Length
                ? value[scheme.Length..].Trim()
                : null;
        }
        return http.Request.Query.TryGetValue("access_token", out var values) && values[0] is { Length: > 0 } token
            ? token : null;
    }

    /// <summary>Spec: v1.19 client-server-api #web-browser-clients.</summary>
    private static void AddCorsHeaders(IHeaderDictionary headers)
    {
        headers.AccessControlAllowOrigin = "*";
        headers.AccessControlAllowMethods = "GET, POST, PUT, DELETE, OPTIONS, HEAD";
        headers.AccessControlAllowHeaders = "X-Requested-With, Content-Type, Authorization";
    }

    private static void RemoveCorsHeaders(IHeaderDictionary headers)
    {
        headers.Remove("Access-Control-Allow-Origin");
        headers.Remove("Access-Control-Allow-Methods");
        headers.Remove("Access-Control-Allow-Headers");
    }

    private static async ValueTask FailAsync(HttpContext http, MatrixError error)
    {
        if (http.Response.HasStarted)
            http.Abort();
        else
            await ResponseWriter.WriteErrorAsync(http, error);
    }

    private static string RawTarget(HttpContext http) =>
        http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;

    [LoggerMessage(Level = LogLevel.Error, Message = "Unhandled in request {request_id}: {method} {path}")]
    private partial void LogUnhandled(Exception exception, string request_id, string method, string path);

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "Request {request_id} could not be answered without the log: {problem}")]
    private partial void LogOutOfReach(string problem, string request_id);
}
