using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Federation.ServerKeyApi;

/// <summary>Finds keys: memory, the log, the server itself, notaries.</summary>
/// <remarks>
/// <code>
///   need ──► memory ──► log ──► the server (one request at a time per server, after a pause if it failed)
///              ▲                      │ still not met, all such needs together
///              └── recorded ◄─────────┴──► notary 1, notary 2, …
/// </code>
/// Keys that are half over are asked for anew while the old ones still serve.
/// A server that does not answer, or does not have a key, is left alone for a while; the pause doubles.
/// </remarks>
public sealed partial class ServerKeyRing(
    ServerIdentity identity,
    OwnServerKeys own,
    ServerKeyFetcher fetcher,
    ServerKeyLog log,
    ServerKeyOptions options,
    TimeProvider time,
    ILogger<ServerKeyRing> logger) : IServerKeyRing, IDisposable
{
    private readonly ServerKeyCache _cache = new();
    private readonly SemaphoreSlim _requests = new(ServerKeyLimits.RequestsMax, ServerKeyLimits.RequestsMax);

    private long NowMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    public void Dispose() => _requests.Dispose();

    public async ValueTask<IReadOnlyList<KnownServerKeys?>> FindAsync(
        IReadOnlyList<KeyNeed> needs, CancellationToken cancellationToken)
    {
        var unmet = new List<KeyNeed>();
        foreach (var need in needs)
        {
            if (!await IsMetAsync(need, cancellationToken))
                unmet.Add(need);
        }
        if (unmet.Count > 0)
            await FetchAsync(unmet, cancellationToken);
        var found = new KnownServerKeys?[needs.Count];
        for (var i = 0; i < found.Length; i++)
            found[i] = await KnownAsync(needs[i].Server, cancellationToken);
        return found;
    }

    public async ValueTask<KnownServerKeys?> DocumentAsync(
        ServerName server, long validAtMs, CancellationToken cancellationToken)
    {
        var known = await KnownAsync(server, cancellationToken);
        if (known is not null && known.Keys.ValidUntilTs >= validAtMs && !known.IsHalfOver(NowMs))
            return known;
        await DirectAsync(server, cancellationToken);
        return await KnownAsync(server, cancellationToken);
    }

    private async ValueTask<bool> IsMetAsync(KeyNeed need, CancellationToken cancellationToken)
    {
        var known = await KnownAsync(need.Server, cancellationToken);
        if (known is null || !need.IsMetBy(known, NowMs))
            return need.KeyIds.IsEmpty;
        if (known.IsHalfOver(NowMs) && need.Server != identity.Name)
            // Nobody waits for it; what it finds, or does not, is in the cache afterwards.
            _ = DirectAsync(need.Server, CancellationToken.None).AsTask();
        return true;
    }

    private async ValueTask FetchAsync(List<KeyNeed> needs, CancellationToken cancellationToken)
    {
        var servers = needs.Select(need => need.Server).Distinct().Where(server => server != identity.Name);
        await Task.WhenAll(servers.Select(server => DirectAsync(server, cancellationToken).AsTask()));
        foreach (var notary in options.Notaries)
        {
            var unmet = new List<KeyNeed>();
            foreach (var need in needs)
            {
                if (need.Server != identity.Name && need.Server != notary
                    && !(await KnownAsync(need.Server, cancellationToken) is { } known && need.IsMetBy(known, NowMs)))
                {
                    unmet.Add(need);
                }
            }
            if (unmet.Count == 0)
                return;
            await AskNotaryAsync(notary, unmet, cancellationToken);
        }
    }

    private async ValueTask AskNotaryAsync(
        ServerName notary, List<KeyNeed> needs, CancellationToken cancellationToken)
    {
        if (await DocumentAsync(notary, NowMs, cancellationToken) is not { } notaryKeys)
            return;
        foreach (var chunk in needs.Chunk(ServerKeyLimits.NotaryServersMax))
        {
            foreach (var keys in await fetcher.NotaryAsync(notary, notaryKeys, chunk, cancellationToken))
                await KeepAsync(keys, notary);
        }
    }

    /// <summary>Asks the server itself, unless that was in vain a moment ago.</summary>
    private async ValueTask DirectAsync(ServerName server, CancellationToken cancellationToken)
    {
        if (_cache.BeginFetch(server, time.GetUtcNow()) is not { } fetch)
            return;
        if (fetch.IsMine)
            _ = FetchDirectAsync(server, fetch.Done);
        await fetch.Done.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Runs for all who wait for this server; so nobody's token ends it.</summary>
    private async Task FetchDirectAsync(ServerName server, TaskCompletionSource done)
    {
        var isFound = false;
        try
        {
            await _requests.WaitAsync(CancellationToken.None);
            try
            {
                if (await fetcher.DirectAsync(server, CancellationToken.None) is { } keys)
                {
                    isFound = true;
                    await KeepAsync(keys, notary: null);
                }
                else
                {
                    LogNoAnswer(logger, server.Value);
                }
            }
            finally
            {
                _requests.Release();
            }
        }
        finally
        {
            _cache.EndFetch(server, isFound, time.GetUtcNow());
            done.SetResult();
        }
    }

    private async ValueTask KeepAsync(KnownServerKeys keys, ServerName? notary)
    {
        var known = await KnownAsync(keys.Keys.Server, CancellationToken.None);
        if (known is null || known.Differs(keys))
            await log.WriteAsync(keys, notary);
        _cache.Set(keys.Keys.Server, known?.With(keys) ?? keys);
    }

    private async ValueTask<KnownServerKeys?> KnownAsync(ServerName server, CancellationToken cancellationToken)
    {
        if (server == identity.Name)
            return KnownServerKeys.Read(server, own.Read(), NowMs);
        if (_cache.TryFind(server, out var known))
            return known;
        known = await log.ReadAsync(server, cancellationToken);
        return _cache.SetIfUnknown(server, known);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{server} did not answer with its keys.")]
    private static partial void LogNoAnswer(ILogger logger, string server);
}

/// <summary>What an administrator sets for keys.</summary>
/// <remarks>Shape: Notaries are asked in their order, after the server itself.</remarks>
public sealed record ServerKeyOptions(IReadOnlyList<ServerName> Notaries);

/// <summary>Bounds of the search for keys, each with its source.</summary>
public static class ServerKeyLimits
{
    /// <summary>LIMIT: servers asked for their keys at once. Ours: joining a large room needs hundreds.</summary>
    public const int RequestsMax = 64;

    /// <summary>LIMIT: needs in one question to a notary. Ours: the answer stays within what a small body may be.
    /// </summary>
    public const int NotaryServersMax = 50;

    /// <summary>LIMIT: servers whose keys are kept in memory. Ours: about 2 KiB each.</summary>
    public const int ServersMax = 16_384;

    /// <summary>LIMIT: servers named in one question to us as a notary. Ours.</summary>
    public const int QueryServersMax = 100;

    /// <summary>How long a server is left alone after an answer without the key that was looked for.</summary>
    public static readonly TimeSpan PauseAfterAnswer = TimeSpan.FromSeconds(30);

    /// <summary>How long after the first failure; doubles.</summary>
    public static readonly TimeSpan PauseAfterFailure = TimeSpan.FromSeconds(10);

    public static readonly TimeSpan PauseMax = TimeSpan.FromHours(1);
}
