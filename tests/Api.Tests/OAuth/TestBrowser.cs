using System.Net;
using System.Text.RegularExpressions;

namespace Matrix.EventSourced.Api.Tests.OAuth;

/// <summary>What a browser does with pages: keeps cookies, sends forms, and goes where it is led, one step at a time.</summary>
internal sealed partial class TestBrowser(Func<Uri> server) : IDisposable
{
    private readonly HttpClient _client =
        new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });
    private readonly Dictionary<string, string> _cookies = new(StringComparer.Ordinal);

    public IReadOnlyDictionary<string, string> Cookies => _cookies;

    public Task<ShownPage> GetAsync(string path) => SendAsync(HttpMethod.Get, path, null);

    /// <summary>Goes to a page, and on to wherever this server leads.</summary>
    public async Task<ShownPage> VisitAsync(string path)
    {
        var page = await GetAsync(path);
        while (page.Location?.StartsWith('/') == true)
            page = await GetAsync(page.Location);
        return page;
    }

    /// <summary>Sends the first form of a page, with its hidden fields and what is typed.</summary>
    public Task<ShownPage> SubmitAsync(ShownPage page, params (string Name, string Value)[] typed)
    {
        var form = FirstForm().Match(page.Text);
        Assert.True(form.Success, page.Text);
        var fields = HiddenField().Matches(form.Groups["inner"].Value)
            .ToDictionary(one => one.Groups["name"].Value, one => WebUtility.HtmlDecode(one.Groups["value"].Value));
        foreach (var (name, value) in typed)
            fields[name] = value;
        return PostAsync(WebUtility.HtmlDecode(form.Groups["action"].Value), fields);
    }

    public Task<ShownPage> PostAsync(string path, IEnumerable<KeyValuePair<string, string>> fields) =>
        SendAsync(HttpMethod.Post, path, new FormUrlEncodedContent(fields));

    public void Forget(string cookie) => _cookies.Remove(cookie);

    public void Dispose() => _client.Dispose();

    private async Task<ShownPage> SendAsync(HttpMethod method, string path, HttpContent? content)
    {
        using var request = new HttpRequestMessage(method, server().GetLeftPart(UriPartial.Authority) + path);
        request.Content = content;
        if (_cookies.Count > 0)
            request.Headers.Add("Cookie", string.Join("; ", _cookies.Select(one => $"{one.Key}={one.Value}")));
        using var response = await _client.SendAsync(request);
        if (response.Headers.TryGetValues("Set-Cookie", out var set))
        {
            foreach (var cookie in set)
            {
                Assert.Contains("HttpOnly; SameSite=Lax", cookie, StringComparison.Ordinal);
                var pair = cookie.Split(';')[0].Split('=', 2);
                if (pair[1].Length == 0)
                    _cookies.Remove(pair[0]);
                else
                    _cookies[pair[0]] = pair[1];
            }
        }
        var headers = response.Headers.Concat(response.Content.Headers)
            .ToDictionary(one => one.Key, one => string.Join(", ", one.Value), StringComparer.OrdinalIgnoreCase);
        return new ShownPage((int)response.StatusCode, await response.Content.ReadAsStringAsync(), headers);
    }

    [GeneratedRegex("<form method=\"post\" action=\"(?<action>[^\"]*)\"[^>]*>(?<inner>.*?)</form>", RegexOptions.Singleline)]
    private static partial Regex FirstForm();

    [GeneratedRegex("<input type=\"hidden\" name=\"(?<name>[^\"]*)\" value=\"(?<value>[^\"]*)\">")]
    private static partial Regex HiddenField();
}

/// <summary>A page, or where it leads.</summary>
internal sealed record ShownPage(int Status, string Text, IReadOnlyDictionary<string, string> Headers)
{
    public string? Location => Headers.GetValueOrDefault("Location");

    public ShownPage Is(int status, string says)
    {
        Assert.Equal((status, true), (Status, Text.Contains(says, StringComparison.Ordinal)));
        return this;
    }

    /// <summary>A parameter of where it leads, in the query or in the fragment.</summary>
    public string? Answer(string name)
    {
        return Location!.Split('?', '#').Skip(1).SelectMany(part => part.Split('&'))
            .Select(one => one.Split('=', 2))
            .Where(one => one[0] == name && one.Length == 2)
            .Select(one => Uri.UnescapeDataString(one[1])).FirstOrDefault();
    }
}
