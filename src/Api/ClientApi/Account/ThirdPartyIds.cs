using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>E-mail addresses and telephone numbers of accounts, which this server does not keep.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #adding-account-administrative-contact-information. It sends no mail and no text
/// messages, and trusts no identity server: <c>m.3pid_changes</c> says so. Requests are checked all the same, so that a
/// wrong one is told what is wrong with it.
/// </remarks>
internal static class ThirdPartyIds
{
    private const string Path = "/_matrix/client/v3/account/3pid";

    private static readonly MatrixResponse None = new MatrixResponse.RawJson("{\"threepids\":[]}"u8.ToArray());

    // Nothing was ever added or bound, so there is no identity server to go to.
    private static readonly MatrixResponse NothingToUnbind =
        new MatrixResponse.RawJson("{\"id_server_unbind_result\":\"no-support\"}"u8.ToArray());

    private static readonly MatrixError Denied = new(
        403, ErrCodes.ThreepidDenied, "This server keeps no e-mail addresses and telephone numbers.");

    private static readonly MatrixError NotTrusted = new(
        403, ErrCodes.ServerNotTrusted, "This server trusts no identity server.");

    public static readonly IReadOnlyList<(EndpointSpec Spec, MatrixHandler Handler)> Entries =
    [
        (Spec("GET", Path, "get_matrixclientv3account3pid"), static _ => ValueTask.FromResult(None)),
        (Spec("POST", Path, "post_matrixclientv3account3pid"), AddOldAsync),
        (Spec("POST", Path + "/add", "post_matrixclientv3account3pidadd"), AddAsync),
        (Spec("POST", Path + "/bind", "post_matrixclientv3account3pidbind"), BindAsync),
        (Spec("POST", Path + "/delete", "post_matrixclientv3account3piddelete"), RemoveAsync),
        (Spec("POST", Path + "/unbind", "post_matrixclientv3account3pidunbind"), RemoveAsync),
    ];

    public static void Map(EndpointTable table)
    {
        foreach (var (spec, handler) in Entries)
            table.Add(spec, handler);
    }

    private static EndpointSpec Spec(string method, string path, string heading) => new(
        method,
        path,
        AuthKind.AccessToken,
        method == "GET" ? RateClass.Read : RateClass.Profile,
        "client-server-api#" + heading);

    private static ValueTask<MatrixResponse> AddOldAsync(MatrixRequest request) => AnswerAsync(request, static body =>
    {
        if (!body.TryGetProperty("three_pid_creds"u8, out var credentials))
            return MatrixError.MissingParam("three_pid_creds is missing.");
        if (credentials.ValueKind != JsonValueKind.Object)
            return MatrixError.BadJson("three_pid_creds must be an object.");
        return FindProblem(credentials, "client_secret", "id_server", "id_access_token", "sid") ?? NotTrusted;
    });

    private static ValueTask<MatrixResponse> AddAsync(MatrixRequest request) =>
        AnswerAsync(request, static body => FindProblem(body, "client_secret", "sid") ?? Denied);

    private static ValueTask<MatrixResponse> BindAsync(MatrixRequest request) => AnswerAsync(
        request,
        static body => FindProblem(body, "client_secret", "id_server", "id_access_token", "sid") ?? NotTrusted);

    private static ValueTask<MatrixResponse> RemoveAsync(MatrixRequest request) => AnswerAsync(
        request,
        static body => FindProblem(body, "medium", "address") is { } problem ? problem
            : body.GetProperty("medium"u8).GetString() is "email" or "msisdn" ? NothingToUnbind
            : MatrixError.InvalidParam("medium is email or msisdn."));

    private static async ValueTask<MatrixResponse> AnswerAsync(
        MatrixRequest request, Func<JsonElement, MatrixResponse> answer)
    {
        var (body, error) = await request.ReadJsonObjectAsync();
        return error is null ? answer(body) : error;
    }

    private static MatrixError? FindProblem(JsonElement holder, params ReadOnlySpan<string> strings)
    {
        var fields = new BodyFields(holder);
        foreach (var name in strings)
            fields.RequiredString(name);
        return fields.Error;
    }
}
