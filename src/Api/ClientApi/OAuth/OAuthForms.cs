using System.Text;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi.OAuth;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Errors;
using MediatR;

namespace Matrix.EventSourced.Api.ClientApi.OAuth;

/// <summary>The parameters of a form, each at most once.</summary>
internal sealed class FormFields(IReadOnlyDictionary<string, string> fields)
{
    public static readonly FormFields None = new(new Dictionary<string, string>());

    /// <summary>A parameter; one without a value counts as not given (RFC 6749, section 3.1).</summary>
    public string? Find(string name) => fields.TryGetValue(name, out var value) && value.Length > 0 ? value : null;

    /// <summary>Reads <c>application/x-www-form-urlencoded</c> text.</summary>
    /// <remarks>Errors: invalid_request for a parameter that is there twice, bad encoding, U+0000.</remarks>
    public static MatrixError? TryParse(ReadOnlySpan<char> text, out FormFields form)
    {
        form = None;
        var read = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var range in text.Split('&'))
        {
            var part = text[range];
            if (part.IsEmpty)
                continue;
            var equals = part.IndexOf('=');
            if (!TryDecode(equals < 0 ? part : part[..equals], out var name)
                || !TryDecode(equals < 0 ? [] : part[(equals + 1)..], out var value))
                return OAuthErrors.InvalidRequest("The parameters hold bad encoding or U+0000.");
            if (!read.TryAdd(name, value))
                return OAuthErrors.InvalidRequest("A parameter is there twice.");
        }
        form = new FormFields(read);
        return null;
    }

    private static bool TryDecode(ReadOnlySpan<char> text, out string decoded)
    {
        decoded = string.Empty;
        var bytes = new List<byte>(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            switch (text[i])
            {
                case '+':
                    bytes.Add((byte)' ');
                    break;
                case '%':
                    if (i + 2 >= text.Length || !byte.TryParse(
                        text.Slice(i + 1, 2), System.Globalization.NumberStyles.AllowHexSpecifier, null, out var one))
                        return false;
                    bytes.Add(one);
                    i += 2;
                    break;
                case > '~' or < ' ':
                    return false;
                default:
                    bytes.Add((byte)text[i]);
                    break;
            }
        }
        var utf8 = bytes.ToArray();
        if (!System.Text.Unicode.Utf8.IsValid(utf8) || utf8.Contains((byte)0))
            return false;
        decoded = Encoding.UTF8.GetString(utf8);
        return true;
    }
}

/// <summary>What the endpoints of OAuth have in common: they take forms, and refuse in OAuth's way.</summary>
internal static class OAuthForms
{
    /// <summary>LIMIT: bytes of a form. Ours: a URL or two and some codes.</summary>
    public const int BytesMax = 32_768;

    public static async ValueTask<(FormFields Form, MatrixError? Error)> ReadFormAsync(this MatrixRequest request)
    {
        var type = request.Http.Request.ContentType;
        if (type is null || !type.Split(';')[0].Trim().Equals(
            "application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase))
            return (FormFields.None, OAuthErrors.InvalidRequest(
                "The body must be application/x-www-form-urlencoded."));
        var (body, error) = await JsonBody.ReadBytesAsync(request.Http, request.Spec);
        if (error is not null)
            return (FormFields.None, error);
        error = FormFields.TryParse(Encoding.Latin1.GetString(body.Span), out var form);
        return (form, error);
    }

    /// <summary>The parameters of the query, each at most once.</summary>
    public static MatrixError? ReadQuery(this MatrixRequest request, out FormFields query)
    {
        var text = request.Http.Request.QueryString.Value ?? string.Empty;
        return FormFields.TryParse(text.AsSpan(text.StartsWith('?') ? 1 : 0), out query);
    }

    /// <summary>A refusal in OAuth's form (RFC 6749, section 5.2), or in Matrix's where OAuth has none.</summary>
    public static MatrixResponse Refuse(MatrixError error) => !OAuthErrors.IsOAuth(error)
        ? error
        : new MatrixResponse.Json(
            writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("error"u8, error.ErrCode);
                writer.WriteString("error_description"u8, error.Message);
                writer.WriteEndObject();
            },
            error.Status);

    /// <summary>What holds or refuses tokens stays in no cache (RFC 6749, section 5.1).</summary>
    public static MatrixHandler NotStored(MatrixHandler handler) => request =>
    {
        request.Http.Response.Headers.CacheControl = "no-store";
        request.Http.Response.Headers.Pragma = "no-cache";
        return handler(request);
    };

    /// <summary>Sends a command, and waits until the read side shows what it wrote.</summary>
    public static async ValueTask<(T? Value, MatrixError? Error)> ExecuteAsync<T>(
        this MatrixRequest request, ICommand<T> command)
    {
        var result = await request.Get<IMediator>().Send(command, CancellationToken.None);
        if (result is not CommandResult<T>.Done done)
            return (default, ((CommandResult<T>.Refused)result).Error);
        if (done.Position > LogPosition.Start)
        {
            await request.Get<IProjectionGate>().WaitForAsync(
                UserApiProjection.Gate, done.Position, CancellationToken.None);
        }
        return (done.Value, null);
    }
}
