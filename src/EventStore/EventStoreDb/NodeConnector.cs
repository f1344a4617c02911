using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.EventStore.EventStoreDb;

/// <summary>Holds the node that everybody talks to, and finds one again when it is lost.</summary>
/// <remarks>
/// <code>
///   GetAsync ──► current? ──yes──► node ──► call ──fails──► Lost(node)
///                  │ no                                        │
///                  └──► one search for all who wait ◄──────────┘
///                       attempt, wait, attempt, … DiscoverAttemptsMax times, then EventStoreException for them;
///                       whoever comes later begins a new search
/// </code>
/// </remarks>
internal sealed partial class NodeConnector : ILogConnection, IDisposable
{
    private readonly EventStoreDbOptions _options;
    private readonly NodeChannels _channels;
    private readonly NodeFinder _finder;
    private readonly Backoff _backoff;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _closed = new();
    private readonly Lock _lock = new();
    private Task<Node>? _search;
    private Node? _current;
    private Node? _last;
    private NodeAddress? _leader;
    private string? _problem;

    public NodeConnector(EventStoreDbOptions options, TimeProvider time, ILogger log)
    {
        _options = options;
        _channels = new NodeChannels(options.Connection);
        _finder = new NodeFinder(options, _channels, time);
        _backoff = new Backoff(options.Connection.DiscoveryInterval, options.BackoffMax, options.Random, time);
        _log = log;
    }

    public Backoff Backoff => _backoff;

    public CancellationToken Closed => _closed.Token;

    public LogConnectionStatus Status
    {
        get
        {
            lock (_lock)
            {
                return new LogConnectionStatus(
                    _current is not null,
                    _last?.Address.ToString(),
                    _last?.Facts.Version,
                    _last?.Facts.Role,
                    _current is null ? _problem ?? "Not connected yet." : null);
            }
        }
    }

    /// <summary>The node to talk to; waits for one.</summary>
    /// <remarks>Errors: <see cref="EventStoreException"/> when there was none for a bounded time, when it refuses the
    /// user, or when the log is closed.</remarks>
    public ValueTask<Node> GetAsync(CancellationToken cancellationToken)
    {
        Task<Node> search;
        bool isJoined;
        lock (_lock)
        {
            if (_closed.IsCancellationRequested)
                throw new EventStoreException("The log is closed.");
            if (_current is { } node)
                return new ValueTask<Node>(node);
            isJoined = _search is not null;
            search = _search ??= SearchAsync();
        }
        return new ValueTask<Node>(isJoined
            ? JoinAsync(search, cancellationToken)
            : search.WaitAsync(cancellationToken));
    }

    /// <summary>A call to the node failed in a way that another connection may mend.</summary>
    public void Lost(Node node, RpcException problem)
    {
        lock (_lock)
        {
            if (_current != node)
                return;
            _current = null;
            _leader = CallErrors.LeaderOf(problem);
            _problem = CallErrors.Describe(problem);
        }
        if (!_closed.IsCancellationRequested)
            LogLost(_log, node.Address.ToString(), CallErrors.Describe(problem));
    }

    public void Dispose()
    {
        _closed.Cancel();
        _channels.Dispose();
    }

    /// <summary>Whoever came in the middle of a search has a whole one of his own before he is told that there is no
    /// node.</summary>
    private async Task<Node> JoinAsync(Task<Node> search, CancellationToken cancellationToken)
    {
        try
        {
            return await search.WaitAsync(cancellationToken);
        }
        catch (EventStoreException none) when (
            none.InnerException is RpcException problem && CallErrors.IsTransient(problem))
        {
            lock (_lock)
                search = _current is { } node ? Task.FromResult(node) : _search ??= SearchAsync();
            return await search.WaitAsync(cancellationToken);
        }
    }

    private async Task<Node> SearchAsync()
    {
        await Task.Yield();
        try
        {
            for (var failures = 0; ;)
            {
                try
                {
                    return Found(await _finder.FindAsync(TakeLeader(), _closed.Token));
                }
                catch (RpcException problem) when (!_closed.IsCancellationRequested)
                {
                    if (!NotFound(problem) || ++failures >= _options.Connection.DiscoverAttemptsMax)
                        throw new EventStoreException($"No node of EventStoreDB: {CallErrors.Describe(problem)}", problem);
                    await _backoff.WaitAsync(failures, _closed.Token);
                }
            }
        }
        catch (Exception problem) when (_closed.IsCancellationRequested && problem is not EventStoreException)
        {
            throw new EventStoreException("The log is closed.", problem);
        }
        finally
        {
            lock (_lock)
                _search = null;
        }
    }

    private Node Found(Node node)
    {
        lock (_lock)
            (_current, _last, _problem) = (node, node, null);
        LogConnected(_log, node.Address.ToString(), node.Facts.Version ?? "unknown", node.Facts.Role ?? "unknown");
        return node;
    }

    /// <summary>Says whether it is worth to try again.</summary>
    private bool NotFound(RpcException problem)
    {
        lock (_lock)
        {
            _problem = CallErrors.Describe(problem);
            _leader ??= CallErrors.LeaderOf(problem);
        }
        return problem.StatusCode is not (StatusCode.Unauthenticated or StatusCode.PermissionDenied);
    }

    private NodeAddress? TakeLeader()
    {
        lock (_lock)
        {
            var leader = _leader;
            _leader = null;
            return leader;
        }
    }

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "Connected to EventStoreDB at {node}, version {version}, role {role}")]
    private static partial void LogConnected(ILogger logger, string node, string version, string role);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Lost EventStoreDB at {node}: {problem}")]
    private static partial void LogLost(ILogger logger, string node, string problem);
}
