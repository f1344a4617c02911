using System.Text.Json;
using Matrix.EventSourced.Api.ClientApi.Account;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.Admin;

/// <summary>Locks and suspends accounts, and says whether they are: for administrators.</summary>
/// <remarks>Spec: v1.19 client-server-api #account-locking, #account-suspension. Who is no administrator learns nothing
/// of any account.</remarks>
internal static class AccountModeration
{
    private const string LockPath = "/_matrix/client/v1/admin/lock/{userId}";
    private const string SuspendPath = "/_matrix/client/v1/admin/suspend/{userId}";

    private static readonly Kind Locking = new(
        "locked",
        static account => account.IsLocked,
        static (context, user, on) => new ModerateAccount(context, user, IsLocked: on, IsSuspended: null));

    private static readonly Kind Suspending = new(
        "suspended",
        static account => account.IsSuspended,
        static (context, user, on) => new ModerateAccount(context, user, IsLocked: null, IsSuspended: on));

    private static readonly MatrixError NotFound = MatrixError.NotFound("There is no such account.");

    public static readonly IReadOnlyList<(EndpointSpec Spec, MatrixHandler Handler)> Entries =
    [
        (Spec("GET", LockPath, "get_matrixclientv1adminlockuserid"), request => GetAsync(request, Locking)),
        (Spec("PUT", LockPath, "put_matrixclientv1adminlockuserid"), request => PutAsync(request, Locking)),
        (Spec("GET", SuspendPath, "get_matrixclientv1adminsuspenduserid"), request => GetAsync(request, Suspending)),
        (Spec("PUT", SuspendPath, "put_matrixclientv1adminsuspenduserid"), request => PutAsync(request, Suspending)),
    ];

    public static void Map(EndpointTable table)
    {
        foreach (var (spec, handler) in Entries)
            table.Add(spec, handler);
    }

    private static EndpointSpec Spec(string method, string path, string heading) =>
        new(method, path, AuthKind.AccessToken, RateClass.None, "client-server-api#" + heading);

    private static async ValueTask<MatrixResponse> GetAsync(MatrixRequest request, Kind kind)
    {
        var (account, error) = await FindAsync(request);
        return account is null ? error! : Answer(kind, kind.IsOn(account));
    }

    private static async ValueTask<MatrixResponse> PutAsync(MatrixRequest request, Kind kind)
    {
        var (account, problem) = await FindAsync(request);
        if (account is null)
            return problem!;
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        if (!body.TryGetProperty(kind.Name, out var flag))
            return MatrixError.MissingParam($"{kind.Name} is missing.");
        if (flag.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
            return MatrixError.BadJson($"{kind.Name} must be true or false.");
        var isOn = flag.GetBoolean();
        var context = request.CommandContext(new FactActor(Admin: request.Requester.UserId.Value));
        return await request.SendAsync(kind.Change(context, account.UserId, isOn), _ => Answer(kind, isOn));
    }

    /// <summary>The account of the path, if it is one that this administrator may moderate.</summary>
    private static async ValueTask<(Account? Account, MatrixError? Error)> FindAsync(MatrixRequest request)
    {
        if (!request.Requester.IsAdmin)
            return (null, MatrixError.Forbidden("Only administrators may do this."));
        if (request.TryGetUser(out var userId) is { } error)
            return (null, error);
        if (userId.Server != request.Get<HomeserverConfig>().ServerName)
            return (null, MatrixError.InvalidParam("This user is not of this server."));
        var accounts = await request.ReadAsync<IAccountQueries>();
        return await accounts.FindAsync(userId, request.ClientGone) switch
        {
            null or { IsDeactivated: true } => (null, NotFound),
            { IsAdmin: true } => (null, MatrixError.Forbidden("Administrators are not moderated.")),
            { } account => (account, null),
        };
    }

    private static MatrixResponse.Json Answer(Kind kind, bool isOn) => new(writer =>
    {
        writer.WriteStartObject();
        writer.WriteBoolean(kind.Name, isOn);
        writer.WriteEndObject();
    });

    private sealed record Kind(
        string Name,
        Func<Account, bool> IsOn,
        Func<Commands.Messaging.CommandContext, UserId, bool, ModerateAccount> Change);
}
