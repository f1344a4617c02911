using System.Collections.Frozen;

namespace Matrix.EventSourced.Api.Http;

/// <summary>What the router found for a target.</summary>
internal abstract record RouteMatch
{
    private RouteMatch() { }

    public sealed record Found(Route Route, IReadOnlyList<KeyValuePair<string, string>> Parameters) : RouteMatch;

    /// <summary>No endpoint has this path: 404 M_UNRECOGNIZED.</summary>
    public sealed record UnknownPath : RouteMatch
    {
        public static readonly UnknownPath Instance = new();
    }

    /// <summary>The path is known under other methods: 405 M_UNRECOGNIZED.</summary>
    public sealed record WrongMethod(string Allowed) : RouteMatch;

    /// <summary>A path parameter cannot be decoded: 400.</summary>
    public sealed record BadEncoding : RouteMatch
    {
        public static readonly BadEncoding Instance = new();
    }
}

/// <summary>An endpoint at one of its paths.</summary>
internal sealed record Route(EndpointSpec Spec, MatrixHandler Handler, IReadOnlyList<string> ParameterNames);

/// <summary>Finds the endpoint of a raw request target in a trie of path segments.</summary>
/// <remarks>
/// Shape: a literal segment wins over a parameter, with backtracking. Trailing slashes count: only an optional last
/// parameter may be empty.
/// Cost: one look-up per segment, and one string per path parameter. Thread-safe once built.
/// </remarks>
internal sealed class Router
{
    /// <summary>LIMIT: segments of a path. Ours: twice the longest path of the spec.</summary>
    private const int SegmentsMax = 24;

    private readonly Node _root = new();

    public Router(EndpointTable table)
    {
        foreach (var (spec, handler) in table.Entries)
        {
            Add(spec.Path, spec, handler);
            if (spec.Path.StartsWith("/_matrix/client/v3/", StringComparison.Ordinal))
                Add(spec.Path.Replace(
                    "/_matrix/client/v3/", "/_matrix/client/r0/", StringComparison.Ordinal), spec, handler);
            foreach (var alias in spec.Aliases)
                Add(alias, spec, handler);
        }
        _root.Freeze();
    }

    public RouteMatch Find(string method, string rawTarget)
    {
        var path = RequestTarget.Path(rawTarget);
        if (path.IsEmpty)
            return RouteMatch.UnknownPath.Instance;
        Span<Range> segments = stackalloc Range[SegmentsMax + 1];
        var count = path[1..].Split(segments, '/');
        if (count > SegmentsMax)
            return RouteMatch.UnknownPath.Instance;

        Span<int> taken = stackalloc int[SegmentsMax];
        Node? otherMethod = null;
        var route = Walk(_root, path[1..], segments[..count], 0, taken, 0, method, ref otherMethod);
        if (route is null)
            return otherMethod is null ? RouteMatch.UnknownPath.Instance
                : new RouteMatch.WrongMethod(otherMethod.Allowed);

        var names = route.ParameterNames;
        if (names.Count == 0)
            return new RouteMatch.Found(route, []);
        var parameters = new KeyValuePair<string, string>[names.Count];
        for (var i = 0; i < names.Count; i++)
        {
            var value = taken[i] < count ? RequestTarget.Decode(path[1..][segments[taken[i]]]) : string.Empty;
            if (value is null)
                return RouteMatch.BadEncoding.Instance;
            parameters[i] = new(names[i], value);
        }
        return new RouteMatch.Found(route, parameters);
    }

    private static Route? Walk(
        Node node,
        ReadOnlySpan<char> path,
        ReadOnlySpan<Range> segments,
        int depth,
        Span<int> taken,
        int takenCount,
        string method,
        ref Node? otherMethod)
    {
        if (depth == segments.Length)
        {
            var route = node.Find(method);
            if (route is not null)
            {
                if (route.ParameterNames.Count > takenCount)
                    taken[takenCount] = depth;
                return route;
            }
            if (node.HasRoutes)
                otherMethod ??= node;
            return null;
        }

        var segment = path[segments[depth]];
        if (node.Literal(segment) is { } literal
            && Walk(literal, path, segments, depth + 1, taken, takenCount, method, ref otherMethod) is { } found)
        {
            return found;
        }
        // An empty segment is a value only where the template says so; "//" and a trailing slash are other paths.
        if (node.Parameter is { } parameter
            && (!segment.IsEmpty || (node.ParameterMayBeEmpty && depth == segments.Length - 1)))
        {
            taken[takenCount] = depth;
            return Walk(parameter, path, segments, depth + 1, taken, takenCount + 1, method, ref otherMethod);
        }
        return null;
    }

    private void Add(string template, EndpointSpec spec, MatrixHandler handler)
    {
        var node = _root;
        var names = new List<string>();
        Node? withoutOptional = null;
        foreach (var segment in template[1..].Split('/'))
        {
            if (!segment.StartsWith('{'))
            {
                node = node.AddLiteral(segment);
                continue;
            }
            var optional = segment.EndsWith("?}", StringComparison.Ordinal);
            names.Add(optional ? segment[1..^2] : segment[1..^1]);
            if (optional)
                withoutOptional = node;
            node = node.AddParameter(optional);
        }
        var route = new Route(spec, handler, names);
        node.AddRoute(template, route);
        withoutOptional?.AddRoute(template, route);
    }

    private sealed class Node
    {
        private readonly Dictionary<string, Node> _literals = new(StringComparer.Ordinal);
        private readonly Dictionary<string, Route> _routes = new(StringComparer.Ordinal);
        private FrozenDictionary<string, Node>.AlternateLookup<ReadOnlySpan<char>> _frozen;

        public Node? Parameter { get; private set; }

        public bool ParameterMayBeEmpty { get; private set; }

        public bool HasRoutes => _routes.Count > 0;

        public string Allowed { get; private set; } = string.Empty;

        public Node AddLiteral(string segment)
        {
            if (!_literals.TryGetValue(segment, out var child))
                _literals.Add(segment, child = new Node());
            return child;
        }

        public Node AddParameter(bool mayBeEmpty)
        {
            ParameterMayBeEmpty |= mayBeEmpty;
            return Parameter ??= new Node();
        }

        public void AddRoute(string template, Route route)
        {
            if (!_routes.TryAdd(route.Spec.Method, route))
                throw new InvalidOperationException($"Two endpoints answer {route.Spec.Method} {template}.");
        }

        /// <summary>The route of a method; HEAD is answered by GET, whose body the server then leaves out.</summary>
        public Route? Find(string method) =>
            _routes.TryGetValue(method, out var route) || (method == "HEAD" && _routes.TryGetValue("GET", out route))
                ? route : null;

        public Node? Literal(ReadOnlySpan<char> segment)
        {
            if (segment.Contains('%'))
            {
                var decoded = RequestTarget.Decode(segment);
                return decoded is not null && _literals.TryGetValue(decoded, out var decodedChild) ? decodedChild
                    : null;
            }
            return _frozen.TryGetValue(segment, out var child) ? child : null;
        }

        public void Freeze()
        {
            _frozen = _literals.ToFrozenDictionary(StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();
            var methods = new List<string>(_routes.Keys);
            if (methods.Contains("GET"))
                methods.Add("HEAD");
            methods.Add("OPTIONS");
            methods.Sort(StringComparer.Ordinal);
            Allowed = string.Join(", ", methods);
            foreach (var child in _literals.Values)
                child.Freeze();
            Parameter?.Freeze();
        }
    }
}
