using System.Collections.Immutable;
using Matrix.EventSourced.Api.Hosting;
using Matrix.EventSourced.Protocol.AppServices;
using Matrix.EventSourced.Protocol.Identifiers;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Matrix.EventSourced.Api.AppService;

/// <summary>Reads the registrations of application services.</summary>
/// <remarks>
/// Spec: v1.19 application-service-api #registration. Every <c>*.yaml</c> and <c>*.yml</c> of the folder, in the order
/// of their names, and the files that are listed.
/// Errors: <see cref="StartException"/> with everything that is wrong, each with its file and line: the server does not
/// start with half of its bridges.
/// </remarks>
internal static class RegistrationFiles
{
    public static AppserviceSet Load(string folder, IReadOnlyList<string> files, ServerName server)
    {
        var problems = new List<string>();
        var paths = new List<string>();
        if (folder.Length > 0 && Directory.Exists(folder))
        {
            paths.AddRange(Directory.EnumerateFiles(folder)
                .Where(path => path.EndsWith(".yaml", StringComparison.Ordinal)
                    || path.EndsWith(".yml", StringComparison.Ordinal))
                .Order(StringComparer.Ordinal));
        }
        paths.AddRange(files.Where(file => !paths.Contains(file)));

        var read = new List<ReadRegistration>();
        foreach (var path in paths)
        {
            if (Read(path, server, problems) is { } registration)
                read.Add(registration);
        }
        FindDuplicates(read, problems);
        if (problems.Count > 0)
            throw new StartException(string.Join('\n', problems));
        return new AppserviceSet(read.Select(one => one.Registration));
    }

    private static ReadRegistration? Read(string path, ServerName server, List<string> problems)
    {
        var stream = new YamlStream();
        try
        {
            using var reader = new StreamReader(path);
            stream.Load(reader);
        }
        catch (YamlException exception)
        {
            problems.Add($"{path}:{exception.Start.Line}: this is not YAML: {exception.Message}");
            return null;
        }
        catch (InvalidOperationException)
        {
            // What YamlDotNet's scanner makes of some files that end too early.
            problems.Add($"{path}:1: this is not YAML.");
            return null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            problems.Add($"{path}: the file cannot be read: {exception.Message}");
            return null;
        }
        if (stream.Documents.Count == 0 || stream.Documents[0].RootNode is not YamlMappingNode root)
        {
            problems.Add($"{path}:1: a registration is expected: 'id: …' and so on.");
            return null;
        }
        return new RegistrationReader(path, root, problems).Read(server);
    }

    private static void FindDuplicates(List<ReadRegistration> read, List<string> problems)
    {
        FindDuplicates(read, problems, "id", one => one.Registration.Id, one => one.IdLine);
        FindDuplicates(read, problems, "as_token", one => one.Registration.AsToken, one => one.TokenLine);
    }

    private static void FindDuplicates(
        List<ReadRegistration> read,
        List<string> problems,
        string key,
        Func<ReadRegistration, string> valueOf,
        Func<ReadRegistration, long> lineOf)
    {
        var seen = new Dictionary<string, ReadRegistration>(StringComparer.Ordinal);
        foreach (var one in read)
        {
            if (!seen.TryAdd(valueOf(one), one))
            {
                problems.Add(
                    $"{one.Path}:{lineOf(one)}: {key}: {seen[valueOf(one)].Path} has the same; "
                    + "each application service needs its own.");
            }
        }
    }
}

/// <summary>A registration, and where its id and token stand.</summary>
internal sealed record ReadRegistration(
    string Path, AppserviceRegistration Registration, long IdLine, long TokenLine);

/// <summary>Reads one registration as nodes, so that every problem has its line.</summary>
internal sealed class RegistrationReader(string path, YamlMappingNode root, List<string> problems)
{
    private readonly int _problemsBefore = problems.Count;

    public ReadRegistration? Read(ServerName server)
    {
        var id = Required(root, "id");
        if (id.Value?.Length > Protocol.Limits.AppserviceIdLengthMax)
            Fail(id.Line, $"id: at most {Protocol.Limits.AppserviceIdLengthMax} characters");
        var asToken = Required(root, "as_token");
        var hsToken = Required(root, "hs_token");
        var sender = ReadSender(server);
        var namespaces = ReadMapping(root, "namespaces");
        var isEphemeral = ReadFlag(root, "receive_ephemeral", otherwise: false);
        // The names of before the spec had it, which bridges still write.
        var isEphemeralOfOld = ReadFlag(root, "de.sorunome.msc2409.push_ephemeral", otherwise: false)
            | ReadFlag(root, "push_ephemeral", otherwise: false);
        var registration = new AppserviceRegistration
        {
            Id = id.Value ?? "?",
            Url = ReadUrl(),
            AsToken = asToken.Value ?? "?",
            HsToken = hsToken.Value ?? "?",
            Sender = sender,
            Users = ReadNamespaces(namespaces, "users"),
            Rooms = ReadNamespaces(namespaces, "rooms"),
            Aliases = ReadNamespaces(namespaces, "aliases"),
            IsRateLimited = ReadFlag(root, "rate_limited", otherwise: true),
            ReceivesEphemeral = isEphemeral | isEphemeralOfOld,
            HasOldEphemeralName = !isEphemeral & isEphemeralOfOld,
            TracksDevices = ReadFlag(root, "org.matrix.msc3202", otherwise: false),
            Protocols = ReadProtocols(),
        };
        return problems.Count == _problemsBefore
            ? new ReadRegistration(path, registration, id.Line, asToken.Line)
            : null;
    }

    private UserId ReadSender(ServerName server)
    {
        var (localpart, line) = Required(root, "sender_localpart");
        if (localpart is null)
            return default;
        if (UserId.TryParse($"@{localpart}:{server.Value}", out var sender))
            return sender;
        Fail(line, $"sender_localpart: '{localpart}' is no local part of a user id");
        return default;
    }

    /// <summary>Must be there; null where the service wants no traffic.</summary>
    private string? ReadUrl()
    {
        if (Find(root, "url") is not { } node)
        {
            Fail(root.Start.Line, "url is missing; write 'url: null' where the service wants no traffic");
            return null;
        }
        if (IsNull(node))
            return null;
        if (node is YamlScalarNode { Value: { } text }
            && Uri.TryCreate(text, UriKind.Absolute, out var url)
            && url.Scheme is "http" or "https"
            && url.Query.Length == 0 && url.Fragment.Length == 0)
        {
            return text.TrimEnd('/');
        }
        Fail(node.Start.Line, "url: an http or https address without a query is expected, or null");
        return null;
    }

    private ImmutableArray<AppserviceNamespace> ReadNamespaces(YamlMappingNode? namespaces, string name)
    {
        if (namespaces is null || Find(namespaces, name) is not { } node || IsNull(node))
            return [];
        if (node is not YamlSequenceNode list)
        {
            Fail(node.Start.Line, $"namespaces.{name}: a list is expected");
            return [];
        }
        var read = ImmutableArray.CreateBuilder<AppserviceNamespace>();
        foreach (var entry in list.Children)
        {
            if (entry is not YamlMappingNode one)
            {
                Fail(entry.Start.Line, $"namespaces.{name}: each entry has 'exclusive' and 'regex'");
                continue;
            }
            var (pattern, line) = Required(one, "regex");
            var isExclusive = ReadFlag(one, "exclusive", otherwise: null);
            if (pattern is null)
                continue;
            if (AppserviceNamespace.TryCreate(pattern, isExclusive, out var created, out var problem))
                read.Add(created);
            else
                Fail(line, $"namespaces.{name}: '{pattern}' cannot be used: {problem}");
        }
        return read.ToImmutable();
    }

    private ImmutableArray<string> ReadProtocols()
    {
        if (Find(root, "protocols") is not { } node || IsNull(node))
            return [];
        if (node is YamlSequenceNode list && list.Children.All(child => child is YamlScalarNode { Value.Length: > 0 }))
            return [.. list.Children.Select(child => ((YamlScalarNode)child).Value!).Distinct(StringComparer.Ordinal)];
        Fail(node.Start.Line, "protocols: a list of names is expected");
        return [];
    }

    private YamlMappingNode? ReadMapping(YamlMappingNode parent, string name)
    {
        var node = Find(parent, name);
        if (node is YamlMappingNode mapping)
            return mapping;
        if (node is null)
            Fail(parent.Start.Line, $"{name} is missing");
        else if (!IsNull(node))
            Fail(node.Start.Line, $"{name}: keys with values are expected");
        return null;
    }

    private (string? Value, long Line) Required(YamlMappingNode parent, string name)
    {
        switch (Find(parent, name))
        {
            case YamlScalarNode { Value: { Length: > 0 } value } scalar when !IsNull(scalar):
                return (value, scalar.Start.Line);
            case { } other:
                Fail(other.Start.Line, $"{name}: a text is expected");
                return (null, other.Start.Line);
            default:
                Fail(parent.Start.Line, $"{name} is missing");
                return (null, parent.Start.Line);
        }
    }

    /// <param name="parent">Where it stands.</param>
    /// <param name="name">Its name.</param>
    /// <param name="otherwise">What holds where it is not there; null when it must be.</param>
    private bool ReadFlag(YamlMappingNode parent, string name, bool? otherwise)
    {
        switch (Find(parent, name))
        {
            case null when otherwise is { } value:
                return value;
            case null:
                Fail(parent.Start.Line, $"{name} is missing");
                return false;
            case YamlScalarNode { Value: "true" or "True" or "yes" or "on" }:
                return true;
            case YamlScalarNode { Value: "false" or "False" or "no" or "off" }:
                return false;
            case var other:
                Fail(other.Start.Line, $"{name}: true or false is expected");
                return false;
        }
    }

    private static YamlNode? Find(YamlMappingNode parent, string name)
    {
        foreach (var (key, value) in parent.Children)
        {
            if (key is YamlScalarNode scalar && scalar.Value == name)
                return value;
        }
        return null;
    }

    private static bool IsNull(YamlNode node) =>
        node is YamlScalarNode { Style: ScalarStyle.Plain, Value: null or "" or "null" or "~" };

    private void Fail(long line, string problem) => problems.Add($"{path}:{line}: {problem}.");
}
