namespace Matrix.EventSourced.Protocol.Identifiers;

/// <summary>Where a piece of media is: <c>mxc://server/id</c>.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #matrix-content-mxc-uris.
/// Shape: nothing follows the id, and both parts are of their own grammars. Errors: TryParse answers false.
/// </remarks>
public readonly record struct MxcUri(ServerName Server, MediaId MediaId)
{
    private const string Scheme = "mxc://";

    public static bool TryParse(string? text, out MxcUri uri)
    {
        uri = default;
        if (text is null || !text.StartsWith(Scheme, StringComparison.Ordinal))
            return false;
        var slash = text.IndexOf('/', Scheme.Length);
        if (slash < 0 || !ServerName.TryParse(text[Scheme.Length..slash], out var server)
            || !MediaId.TryParse(text[(slash + 1)..], out var mediaId))
        {
            return false;
        }
        uri = new MxcUri(server, mediaId);
        return true;
    }

    public override string ToString() => $"{Scheme}{Server.Value}/{MediaId.Value}";
}
