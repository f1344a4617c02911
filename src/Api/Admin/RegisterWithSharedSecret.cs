using System.Text.Json;
using Matrix.EventSourced.Api.ClientApi.Account;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Admin;

/// <summary>Registration by whoever knows the configured secret, also where registration is closed.</summary>
/// <remarks>
/// Not of the spec: the path and the signature are those that administrators' scripts for other homeservers use.
/// A nonce is asked for first and is good once; the body is signed with HMAC-SHA1 over
/// <c>nonce NUL user NUL password NUL (admin|notadmin) [NUL user_type]</c>.
/// The type of user is part of the signature, and is not kept: nothing here depends on it.
/// </remarks>
internal static class RegisterWithSharedSecret
{
    private const string Path = "/_synapse/admin/v1/register";

    public static readonly EndpointSpec GetSpec = new(
        "GET", Path, AuthKind.None, RateClass.None, "none#shared-secret-registration");

    public static readonly EndpointSpec PostSpec = new(
        "POST", Path, AuthKind.None, RateClass.None, "none#shared-secret-registration")
    {
        BodyBytesMax = Limits.InteractiveBodyBytesMax,
    };

    private static readonly MatrixError SwitchedOff = new(
        400, ErrCodes.Unknown, "Shared secret registration is not enabled.");

    public static void Map(EndpointTable table)
    {
        table.Add(GetSpec, static request => ValueTask.FromResult(GiveNonce(request)));
        table.Add(PostSpec, PostAsync);
    }

    private static MatrixResponse GiveNonce(MatrixRequest request)
    {
        if (request.Get<RegistrationPolicy>().SharedSecret is null)
            return SwitchedOff;
        var nonce = request.Get<RegistrationNonces>().Create();
        return new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("nonce"u8, nonce);
            writer.WriteEndObject();
        });
    }

    private static async ValueTask<MatrixResponse> PostAsync(MatrixRequest request)
    {
        if (request.Get<RegistrationPolicy>().SharedSecret is not { } secret)
            return SwitchedOff;
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        (var form, error) = Read(body);
        if (error is not null)
            return error;
        if (!request.Get<RegistrationNonces>().TryUse(form.Nonce))
            return new MatrixError(400, ErrCodes.Unknown, "Unrecognised nonce.");
        if (!RegistrationNonces.IsSignedBy(
            secret, form.Nonce, form.Username, form.Password, form.IsAdmin, form.UserType, form.Mac))
            return MatrixError.Forbidden("HMAC incorrect.");
        return await RegisterAsync(request, form);
    }

    private static async ValueTask<MatrixResponse> RegisterAsync(MatrixRequest request, Form form)
    {
        var server = request.Get<HomeserverConfig>().ServerName;
        if (Usernames.TryDesired(form.Username, server, out var userId) is { } invalid)
            return invalid;
        if (PasswordCheck.FindProblem(form.Password) is { } weak)
            return weak;
        var context = request.CommandContext(new FactActor(Admin: "shared-secret"));
        var command = new RegisterAccount(
            context,
            userId,
            AccountKind.User,
            form.IsAdmin,
            form.Password,
            DeviceId: null,
            DeviceName: null,
            form.InhibitLogin);
        var answer = await request.SendAsync(
            command,
            session => new MatrixResponse.Json(writer => SessionAnswer.Write(writer, session, server)));
        if (answer is MatrixResponse.Error || form.DisplayName is not { Length: > 0 } name)
            return answer;
        var json = RawJson.FromText($"\"{JsonEncodedText.Encode(name)}\"");
        var named = await request.SendAsync(new SetProfileField(context, userId, ProfileFields.DisplayName, json));
        return named is MatrixResponse.Error ? named : answer;
    }

    private static (Form Form, MatrixError? Error) Read(JsonElement body)
    {
        var fields = new BodyFields(body);
        var form = new Form(
            fields.RequiredString("nonce"),
            fields.RequiredString("username"),
            fields.RequiredString("password"),
            fields.RequiredString("mac"),
            fields.Bool("admin", otherwise: false),
            fields.OptionalString("user_type"),
            fields.OptionalString("displayname"),
            fields.Bool("inhibit_login", otherwise: false));
        return (form, fields.Error);
    }

    private sealed record Form(
        string Nonce,
        string Username,
        string Password,
        string Mac,
        bool IsAdmin,
        string? UserType,
        string? DisplayName,
        bool InhibitLogin);
}
