using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Federation.RemoteRooms;

/// <summary>Asks servers the same, the next one when those before have failed or are slow, and hands out their answers
/// as they come.</summary>
/// <remarks>
/// Shape: servers in the order in which they are asked, each at most once. Time passes only inside of
/// <see cref="NextAsync"/>: while the caller is busy with an answer, nobody else is asked.
/// Ensures: after disposal nobody is asked any more, and what is under way is given up.
/// Errors: OperationCanceledException when the caller's token is cancelled.
/// </remarks>
internal sealed class ServerRace<T>(
    IEnumerable<ServerName> servers,
    Func<ServerName, CancellationToken, ValueTask<FederationResult<T>>> ask,
    TimeSpan patience,
    TimeProvider clock,
    CancellationToken cancellationToken) : IDisposable
    where T : class
{
    private readonly Queue<ServerName> _waiting = new(servers);
    private readonly List<Task<(ServerName, FederationResult<T>)>> _asked = [];
    private readonly CancellationTokenSource _ended =
        CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);

    /// <summary>What has answered so far was of no use, or nothing has for too long.</summary>
    private bool _mustAsk = true;

    /// <summary>The next answer, whatever it is; null when all servers have answered.</summary>
    public async ValueTask<(ServerName Server, FederationResult<T> Answer)?> NextAsync()
    {
        while (true)
        {
            if (_asked.Find(static task => task.IsCompleted) is { } answered)
            {
                _asked.Remove(answered);
                _mustAsk = true;
                return await answered;
            }
            if (_mustAsk && _waiting.TryDequeue(out var next))
                _asked.Add(AskAsync(next));
            else if (_asked.Count == 0)
                return null;
            else
                await WaitAsync();
        }
    }

    public void Dispose()
    {
        _ended.Cancel();
        _ended.Dispose();
    }

    private async Task<(ServerName, FederationResult<T>)> AskAsync(ServerName server)
    {
        _mustAsk = false;
        return (server, await ask(server, _ended.Token));
    }

    /// <summary>Until one answers, or for as long as one server is waited for.</summary>
    private async ValueTask WaitAsync()
    {
        if (_waiting.Count == 0)
        {
            await Task.WhenAny(_asked);
            return;
        }
        using var pause = CancellationTokenSource.CreateLinkedTokenSource(_ended.Token);
        var late = Task.Delay(patience, clock, pause.Token);
        _mustAsk = await Task.WhenAny([late, .. _asked]) == late;
        pause.Cancel();
        cancellationToken.ThrowIfCancellationRequested();
    }
}
