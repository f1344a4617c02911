using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>Requests to send somebody a token by mail or text message, which this server does not do.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #adding-account-administrative-contact-information, #password-management.
/// Errors: for a request that is well-formed, M_SERVER_NOT_TRUSTED where it names an identity server;
/// M_THREEPID_NOT_FOUND for a lost password, since no account has an address; else M_THREEPID_DENIED.
/// </remarks>
internal static class ValidationTokens
{
    private const string Account = "/_matrix/client/v3/account/";

    private static readonly MatrixError NotTrusted = new(
        400, ErrCodes.ServerNotTrusted, "This server trusts no identity server.");

    private static readonly MatrixError NotFound = new(
        400, ErrCodes.ThreepidNotFound, "No account has this address or number.");

    private static readonly MatrixError Denied = new(
        403, ErrCodes.ThreepidDenied, "This server sends no mail and no text messages.");

    public static readonly IReadOnlyList<(EndpointSpec Spec, MatrixHandler Handler)> Entries =
    [
        (Spec(Account + "3pid/email/requestToken", "account3pidemailrequesttoken"), For(Email, Denied)),
        (Spec(Account + "3pid/msisdn/requestToken", "account3pidmsisdnrequesttoken"), For(Telephone, Denied)),
        (Spec(Account + "password/email/requestToken", "accountpasswordemailrequesttoken"), For(Email, NotFound)),
        (Spec(Account + "password/msisdn/requestToken", "accountpasswordmsisdnrequesttoken"), For(Telephone, NotFound)),
        (Spec("/_matrix/client/v3/register/email/requestToken", "registeremailrequesttoken"), For(Email, Denied)),
        (Spec("/_matrix/client/v3/register/msisdn/requestToken", "registermsisdnrequesttoken"), For(Telephone, Denied)),
    ];

    public static void Map(EndpointTable table)
    {
        foreach (var (spec, handler) in Entries)
            table.Add(spec, handler);
    }

    private static EndpointSpec Spec(string path, string heading) => new(
        "POST", path, AuthKind.None, RateClass.Registration, "client-server-api#post_matrixclientv3" + heading);

    private static MatrixHandler For(Func<JsonElement, MatrixError?> findProblem, MatrixError refusal) =>
        async request =>
        {
            var (body, error) = await request.ReadJsonObjectAsync();
            error ??= FindProblem(body) ?? findProblem(body);
            if (error is not null)
                return error;
            return body.TryGetProperty("id_server"u8, out _) ? NotTrusted : refusal;
        };

    private static MatrixError? FindProblem(JsonElement body)
    {
        var fields = new BodyFields(body);
        var secret = fields.RequiredString("client_secret");
        fields.OptionalString("id_server");
        fields.OptionalString("next_link");
        if (fields.Error is not null)
            return fields.Error;
        if (secret.Length is 0 or > Limits.ClientSecretLengthMax || !secret.All(IsOfSecret))
            return MatrixError.InvalidParam(
                $"client_secret has 1 to {Limits.ClientSecretLengthMax} letters, digits and characters of .=_-");
        if (!body.TryGetProperty("send_attempt"u8, out var attempt))
            return MatrixError.MissingParam("send_attempt is missing.");
        return attempt.ValueKind == JsonValueKind.Number && attempt.TryGetInt64(out _)
            ? null
            : MatrixError.BadJson("send_attempt must be a whole number.");
    }

    private static bool IsOfSecret(char character) =>
        char.IsAsciiLetterOrDigit(character) || character is '.' or '=' or '_' or '-';

    private static MatrixError? Email(JsonElement body)
    {
        var fields = new BodyFields(body);
        var email = fields.RequiredString("email");
        if (fields.Error is not null)
            return fields.Error;
        var at = email.LastIndexOf('@');
        return at > 0 && at < email.Length - 1 ? null : MatrixError.InvalidParam("email must be an e-mail address.");
    }

    private static MatrixError? Telephone(JsonElement body)
    {
        var fields = new BodyFields(body);
        var country = fields.RequiredString("country");
        fields.RequiredString("phone_number");
        if (fields.Error is not null)
            return fields.Error;
        return country.Length == 2 && country.All(char.IsAsciiLetterUpper)
            ? null
            : MatrixError.InvalidParam("country has two capital letters.");
    }
}
