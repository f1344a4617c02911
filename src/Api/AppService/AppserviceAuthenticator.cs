using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.AppService;
using Matrix.EventSourced.Protocol.AppServices;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.AppService;

/// <summary>Recognises application services by their tokens, and finds out as whom they act.</summary>
/// <remarks>Spec: v1.19 application-service-api #identity-assertion. Cost: one hash and one look-up where there are
/// application services, nothing where there are none.</remarks>
public sealed class AppserviceAuthenticator(
    AppserviceSet services, AppserviceIdentity identities, IAppserviceWaker waker)
{
    /// <summary>The application service that the token belongs to; null for anybody else's.</summary>
    public AppserviceRegistration? FindService(string token) => services.FindByToken(token);

    /// <summary>As whom the service acts: <c>user_id</c> and <c>device_id</c> of the query, its own user
    /// otherwise.</summary>
    public async ValueTask<(Requester? Requester, MatrixError? Error)> IdentifyAsync(
        AppserviceRegistration service, HttpContext http)
    {
        // Whoever asks is there, and takes what waits for it.
        waker.Wake(service.Id);
        var (identity, error) = await identities.AssertAsync(
            service,
            Query(http, "user_id"),
            // The second is the name of before the spec had it, which bridges still send.
            Query(http, "device_id") ?? Query(http, "org.matrix.msc3202.device_id"),
            http.RequestAborted);
        if (identity is null)
            return (null, error);
        return (new Requester(identity.UserId, identity.DeviceId ?? string.Empty, IsGuest: false, IsAdmin: false, "")
        {
            IsLocked = identity.IsLocked,
            IsSuspended = identity.IsSuspended,
            AppserviceId = service.Id,
            IsRateLimited = service.IsRateLimited && identity.UserId != service.Sender,
        }, null);
    }

    private static string? Query(HttpContext http, string name) =>
        http.Request.Query.TryGetValue(name, out var values) && values[0] is { Length: > 0 } value ? value : null;
}

/// <summary>Is told of signs of life.</summary>
public interface IAppserviceWaker
{
    /// <summary>The service is there: what waits for it may be sent now.</summary>
    void Wake(string appserviceId);
}
