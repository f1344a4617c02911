using Matrix.EventSourced.Commands.AppService;
using Matrix.EventSourced.Protocol.AppServices;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.AppService;

/// <summary>Asks the application services in whose namespaces a user or an alias is, one after the other.</summary>
/// <remarks>Spec: v1.19 application-service-api #querying. While it answers, the service makes what is asked
/// for.</remarks>
internal sealed class AppserviceDirectory(AppserviceSet services, AppserviceClient client, TimeProvider time)
    : IAppserviceDirectory
{
    /// <summary>LIMIT: attempts of one question. Ours: the spec asks for several.</summary>
    private const int AttemptsMax = 3;

    /// <summary>How long a service may take to make a room, with a bridge's own network behind it.</summary>
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    public ValueTask<AppserviceFinding> FindUserAsync(UserId userId, CancellationToken cancellationToken) => AskAsync(
        services.All.Where(service => service.OwnsUser(userId)),
        $"/users/{Uri.EscapeDataString(userId.Value)}",
        cancellationToken);

    public ValueTask<AppserviceFinding> FindAliasAsync(RoomAlias alias, CancellationToken cancellationToken) =>
        AskAsync(
            services.All.Where(service => service.CoversAlias(alias)),
            $"/rooms/{Uri.EscapeDataString(alias.Value)}",
            cancellationToken);

    private async ValueTask<AppserviceFinding> AskAsync(
        IEnumerable<AppserviceRegistration> interested, string path, CancellationToken cancellationToken)
    {
        var finding = AppserviceFinding.Unknown;
        foreach (var service in interested)
        {
            if (service.Url is null)
                continue;
            switch (await AskAsync(service, path, cancellationToken))
            {
                case AppserviceReply.Answered { IsSuccess: true }:
                    return AppserviceFinding.Found;
                case AppserviceReply.Answered { Status: < 500 }:
                    break;
                default:
                    finding = AppserviceFinding.Unreachable;
                    break;
            }
        }
        return finding;
    }

    private async ValueTask<AppserviceReply> AskAsync(
        AppserviceRegistration service, string path, CancellationToken cancellationToken)
    {
        var request = new AppserviceRequest(HttpMethod.Get, "/_matrix/app/v1" + path, path, null, Timeout);
        for (var attempt = 1; ; attempt++)
        {
            var reply = await client.SendAsync(service, request, cancellationToken);
            var isFinal = reply is AppserviceReply.Answered { Status: < 500 };
            if (isFinal || attempt == AttemptsMax)
                return reply;
            await Task.Delay(Pause * attempt, time, cancellationToken);
        }
    }
}
