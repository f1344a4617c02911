using System.Collections.Immutable;
using Matrix.EventSourced.Api.Hosting;
using Matrix.EventSourced.Federation.IdentityProviders;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Matrix.EventSourced.Api.ClientApi.Sso;

/// <summary>Reads the identity providers: every <c>*.yaml</c> and <c>*.yml</c> of a folder, in the order of their
/// names.
/// </summary>
/// <remarks>Errors: <see cref="StartException"/> with everything that is wrong, each with its file and line.</remarks>
internal static class ProviderFiles
{
    public static IdentityProviders Load(string folder)
    {
        if (folder.Length == 0 || !Directory.Exists(folder))
            return IdentityProviders.None;
        var problems = new List<string>();
        var providers = ImmutableArray.CreateBuilder<IdentityProvider>();
        foreach (var path in Directory.EnumerateFiles(folder)
            .Where(path => path.EndsWith(".yaml", StringComparison.Ordinal) || path.EndsWith(".yml", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal))
        {
            if (ReadRoot(path, problems) is not { } root
                || new ProviderFile(path, root, problems).Read() is not { } provider)
                continue;
            if (providers.Any(one => one.Id == provider.Id))
                problems.Add($"{path}:1: id: another file has '{provider.Id}' too.");
            providers.Add(provider);
        }
        return problems.Count == 0
            ? new IdentityProviders(providers.ToImmutable())
            : throw new StartException(string.Join('\n', problems));
    }

    private static YamlMappingNode? ReadRoot(string path, List<string> problems)
    {
        try
        {
            var stream = new YamlStream();
            using var reader = new StreamReader(path);
            stream.Load(reader);
            if (stream.Documents.Count > 0 && stream.Documents[0].RootNode is YamlMappingNode root)
                return root;
            problems.Add($"{path}:1: an identity provider is expected: 'id: …' and so on.");
        }
        catch (YamlException exception)
        {
            problems.Add($"{path}:{exception.Start.Line}: this is not YAML: {exception.Message}");
        }
        catch (InvalidOperationException)
        {
            // What YamlDotNet's scanner makes of some files that end too early.
            problems.Add($"{path}:1: this is not YAML.");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            problems.Add($"{path}: the file cannot be read: {exception.Message}");
        }
        return null;
    }
}

/// <summary>Reads one file as nodes, so that every problem has its line.</summary>
internal sealed class ProviderFile(string path, YamlMappingNode root, List<string> problems)
{
    private static readonly string[] Keys =
    [
        "id", "name", "icon", "brand", "issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint",
        "jwks_uri", "client_id", "client_secret", "client_secret_file", "client_authentication", "scopes",
        "subject_claim", "localpart_claim", "display_name_claim", "take_existing_users", "register_users",
    ];

    private readonly int _problemsBefore = problems.Count;

    public IdentityProvider? Read()
    {
        foreach (var (key, _) in root.Children)
        {
            if (key is not YamlScalarNode { Value: { } name } || !Keys.Contains(name))
                Fail(key, $"there is no key '{key}'; there are: {string.Join(", ", Keys)}");
        }
        var id = Text("id") ?? string.Empty;
        if (id.Length is 0 or > 255
            || !id.All(one => char.IsAsciiLetterOrDigit(one) || one is '.' or '_' or '~' or '-'))
            Fail(Find("id"), "id: 1 to 255 letters, digits and ._~- are expected");
        var icon = Text("icon");
        if (icon?.StartsWith("mxc://", StringComparison.Ordinal) == false)
            Fail(Find("icon"), "icon: an mxc:// URI is expected");
        var issuer = Text("issuer");
        if (issuer is not null && !ProviderAddresses.IsAllowed(issuer, out _))
            Fail(Find("issuer"), AddressExpected("issuer"));
        var provider = new IdentityProvider
        {
            Id = id,
            Name = Text("name") is { Length: > 0 } name1 ? name1 : id,
            Icon = icon,
            Brand = Text("brand"),
            Issuer = issuer,
            AuthorizationEndpoint = Address("authorization_endpoint"),
            TokenEndpoint = Address("token_endpoint"),
            UserinfoEndpoint = Address("userinfo_endpoint"),
            JwksUri = Address("jwks_uri"),
            ClientId = Required("client_id"),
            ClientSecret = Secret(),
            Authentication = Authentication(),
            Scopes = Scopes(issuer is not null),
            SubjectClaim = Text("subject_claim") ?? "sub",
            LocalpartClaim = Text("localpart_claim") ?? "preferred_username",
            DisplayNameClaim = Text("display_name_claim") ?? "name",
            TakesExistingUsers = Flag("take_existing_users", otherwise: false),
            RegistersUsers = Flag("register_users", otherwise: true),
        };
        if (issuer is null && (provider.AuthorizationEndpoint is null || provider.TokenEndpoint is null
            || provider.UserinfoEndpoint is null))
            Fail(root, "issuer is missing; without one, authorization_endpoint, token_endpoint and userinfo_endpoint are needed");
        if (provider.Authentication != ClientAuthentication.None && provider.ClientSecret is null)
            Fail(root, "client_secret is missing; a client without one says 'client_authentication: none'");
        return problems.Count == _problemsBefore ? provider : null;
    }

    private string? Secret()
    {
        if (Text("client_secret_file") is not { } file)
            return Text("client_secret");
        try
        {
            return File.ReadAllText(Path.Combine(Path.GetDirectoryName(path)!, file)).Trim();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Fail(Find("client_secret_file"), $"client_secret_file: {exception.Message}");
            return null;
        }
    }

    private ClientAuthentication Authentication()
    {
        switch (Text("client_authentication"))
        {
            case null or "client_secret_basic":
                return ClientAuthentication.Basic;
            case "client_secret_post":
                return ClientAuthentication.Post;
            case "none":
                return ClientAuthentication.None;
            default:
                Fail(
                    Find("client_authentication"),
                    "client_authentication: client_secret_basic, client_secret_post or none is expected");
                return ClientAuthentication.None;
        }
    }

    private ImmutableArray<string> Scopes(bool isOpenId)
    {
        ImmutableArray<string> scopes;
        switch (Find("scopes"))
        {
            case null:
                return isOpenId ? ["openid", "profile"] : [];
            case YamlSequenceNode list when list.Children.All(child => child is YamlScalarNode { Value.Length: > 0 }):
                scopes = [.. list.Children.Select(child => ((YamlScalarNode)child).Value!)];
                break;
            case YamlScalarNode { Value: { Length: > 0 } text }:
                scopes = [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries)];
                break;
            case var other:
                Fail(other, "scopes: a list of names is expected");
                return [];
        }
        if (isOpenId && !scopes.Contains("openid"))
            Fail(Find("scopes"), "scopes: openid must be among them");
        return scopes;
    }

    private Uri? Address(string name)
    {
        if (Text(name) is not { } text)
            return null;
        if (ProviderAddresses.IsAllowed(text, out var uri))
            return uri;
        Fail(Find(name), AddressExpected(name));
        return null;
    }

    private static string AddressExpected(string name) =>
        $"{name}: an https:// address is expected (http:// only on this very machine)";

    private string Required(string name)
    {
        if (Text(name) is { } text)
            return text;
        if (Find(name) is null)
            Fail(root, $"{name} is missing");
        return string.Empty;
    }

    private string? Text(string name)
    {
        switch (Find(name))
        {
            case null or YamlScalarNode { Style: ScalarStyle.Plain, Value: null or "" or "null" or "~" }:
                return null;
            case YamlScalarNode { Value: { } value }:
                return value;
            case var other:
                Fail(other, $"{name}: a text is expected");
                return null;
        }
    }

    private bool Flag(string name, bool otherwise)
    {
        switch (Text(name))
        {
            case null:
                return otherwise;
            case "true" or "yes" or "on":
                return true;
            case "false" or "no" or "off":
                return false;
            default:
                Fail(Find(name), $"{name}: true or false is expected");
                return otherwise;
        }
    }

    private YamlNode? Find(string name) =>
        root.Children.FirstOrDefault(one => one.Key is YamlScalarNode scalar && scalar.Value == name).Value;

    private void Fail(YamlNode? node, string problem) =>
        problems.Add($"{path}:{(node ?? root).Start.Line}: {problem}.");
}
