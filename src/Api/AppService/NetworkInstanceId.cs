namespace Matrix.EventSourced.Api.AppService;

/// <summary>What names one network of one application service to clients.</summary>
/// <remarks>Shape: <c>service|network</c>, as /thirdparty/protocols says it and /publicRooms takes it. A bar in the id
/// of a service would end it too early, so it is escaped.</remarks>
internal static class NetworkInstanceId
{
    public static string Of(string appserviceId, string networkId) => $"{Escape(appserviceId)}|{networkId}";

    public static bool TryParse(string text, out string appserviceId, out string networkId)
    {
        var bar = text.IndexOf('|', StringComparison.Ordinal);
        (appserviceId, networkId) = bar < 0
            ? (string.Empty, string.Empty)
            : (Uri.UnescapeDataString(text[..bar]), text[(bar + 1)..]);
        return bar >= 0;
    }

    private static string Escape(string id) => id
        .Replace("%", "%25", StringComparison.Ordinal)
        .Replace("|", "%7C", StringComparison.Ordinal);
}
