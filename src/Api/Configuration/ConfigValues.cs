using System.Globalization;
using System.Net;

namespace Matrix.EventSourced.Api.Configuration;

/// <summary>Reads values: each method hands the typed value on, or says what is wrong.</summary>
internal static class ConfigValues
{
    public static ConfigStep Flag(ConfigText text, Func<bool, HomeserverConfig> set) => text.Single switch
    {
        "true" => set(true),
        "false" => set(false),
        _ => Wrong(text.Single),
    };

    public static ConfigStep Integer(ConfigText text, int min, int max, Func<int, HomeserverConfig> set) =>
        int.TryParse(text.Single, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= min
            && value <= max
            ? set(value)
            : Wrong(text.Single);

    public static ConfigStep Rate(ConfigText text, Func<double, HomeserverConfig> set) =>
        double.TryParse(text.Single, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value)
        && value is >= 0.001 and <= 1_000_000
            ? set(value)
            : Wrong(text.Single);

    public static ConfigStep Optional(ConfigText text, Func<string?, HomeserverConfig> set) =>
        set(text.Single.Length == 0 ? null : text.Single);

    /// <summary>A folder, which need not exist yet.</summary>
    public static ConfigStep Folder(ConfigText text, Func<string, HomeserverConfig> set) =>
        text.Single.Length == 0 || text.Single.Contains('\0')
            ? Wrong(text.Single)
            : set(Path.GetFullPath(text.Single, text.BaseFolder));

    /// <summary>A file that must be there, or nothing.</summary>
    public static ConfigStep File(ConfigText text, Func<string?, HomeserverConfig> set)
    {
        if (text.Single.Length == 0)
            return set(null);
        var path = Path.GetFullPath(text.Single, text.BaseFolder);
        return System.IO.File.Exists(path) ? set(path) : ConfigStep.Refuse($"there is no file {path}");
    }

    public static ConfigStep BaseUrl(ConfigText text, Func<string, HomeserverConfig> set)
    {
        if (text.Single.Length == 0)
            return set(string.Empty);
        return Uri.TryCreate(text.Single, UriKind.Absolute, out var uri)
            && uri.Scheme is "http" or "https"
            && uri.Query.Length == 0
            && uri.Fragment.Length == 0
            ? set(text.Single.TrimEnd('/'))
            : Wrong(text.Single);
    }

    public static ConfigStep Each<T>(
        ConfigText text, TryParse<T> tryParse, Func<IReadOnlyList<T>, HomeserverConfig> set)
    {
        var values = new List<T>();
        foreach (var item in text.Items)
        {
            if (!tryParse(item, out var value))
                return Wrong(item);
            values.Add(value);
        }
        return set(values);
    }

    /// <summary>
    /// <c>http://127.0.0.1:8008</c>, <c>https://[::]:8448</c>; localhost and * stand for the loopback and every
    /// address.
    /// </summary>
    public static bool TryParseListen(string text, out ListenAddress address)
    {
        address = new ListenAddress(false, IPAddress.None, 0);
        var isTls = text.StartsWith("https://", StringComparison.Ordinal);
        if (!isTls && !text.StartsWith("http://", StringComparison.Ordinal))
            return false;
        var rest = text[(isTls ? 8 : 7)..].TrimEnd('/');
        var colon = rest.LastIndexOf(':');
        if (colon <= 0
            || !ushort.TryParse(rest[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var port))
            return false;
        var host = rest[..colon];
        var ip = host switch
        {
            "localhost" => IPAddress.Loopback,
            "*" or "+" => IPAddress.IPv6Any,
            _ => null,
        };
        if (ip is null && host.Contains(':') != host.StartsWith('['))
            return false;
        if (ip is null && !IPAddress.TryParse(host.Trim('[', ']'), out ip))
            return false;
        address = new ListenAddress(isTls, ip, port);
        return true;
    }

    public static ConfigStep Wrong(string value) =>
        ConfigStep.Refuse(value.Length == 0 ? "a value is needed" : $"'{value}' is not allowed");

    public delegate bool TryParse<T>(string text, out T value);
}
