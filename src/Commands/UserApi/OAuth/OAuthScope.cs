using System.Text;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Commands.UserApi.OAuth;

/// <summary>What a client asks for: the whole client-server API, on a device that it names.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #scope. Shape: Text is what is granted, in the names that the client used.
/// Clients from before the spec had it use the names of MSC2967. Whatever else is asked for is not granted, as RFC 6749
/// (section 3.3) lets a server do; the answer says what was.
/// </remarks>
public sealed record OAuthScope(string DeviceId, string Text)
{
    /// <summary>LIMIT: bytes of a scope. Ours: two tokens with a device id.</summary>
    private const int TextBytesMax = 2_048;

    private const string Api = "urn:matrix:client:api:*";
    private const string Device = "urn:matrix:client:device:";
    private const string UnstableApi = "urn:matrix:org.matrix.msc2967.client:api:*";
    private const string UnstableDevice = "urn:matrix:org.matrix.msc2967.client:device:";

    /// <summary>Errors: invalid_scope.</summary>
    public static MatrixError? TryRead(string? text, out OAuthScope scope)
    {
        scope = new(string.Empty, string.Empty);
        if (text is null || text.Length > TextBytesMax)
            return OAuthErrors.InvalidScope("A scope is needed.");
        string? api = null;
        string? device = null;
        foreach (var token in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            // RFC 6749, section 3.3.
            if (token.Any(character => character is < '!' or > '~' or '"' or '\\'))
                return OAuthErrors.InvalidScope("The scope holds a character that no scope may hold.");
            if (token is Api or UnstableApi)
            {
                api ??= token;
            }
            else if (token.StartsWith(Device, StringComparison.Ordinal)
                || token.StartsWith(UnstableDevice, StringComparison.Ordinal))
            {
                if (device is not null && device != token)
                    return OAuthErrors.InvalidScope("The scope names more than one device.");
                device = token;
            }
        }
        if (api is null)
            return OAuthErrors.InvalidScope($"The scope must hold {Api}.");
        if (device is null)
            return OAuthErrors.InvalidScope($"The scope must name a device: {Device}….");
        var id = device[(device.StartsWith(Device, StringComparison.Ordinal) ? Device : UnstableDevice).Length..];
        if (id.Length == 0 || Encoding.UTF8.GetByteCount(id) > Limits.DeviceIdBytesMax)
            return OAuthErrors.InvalidScope($"A device id has 1 to {Limits.DeviceIdBytesMax} bytes.");
        scope = new(id, $"{api} {device}");
        return null;
    }
}
