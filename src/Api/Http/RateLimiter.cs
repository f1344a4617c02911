using System.Collections.Concurrent;

namespace Matrix.EventSourced.Api.Http;

/// <summary>How many requests of a class one user or address may make.</summary>
/// <remarks>Units: PerSecond, requests; Burst, requests that may come at once after a pause.</remarks>
public sealed record RateLimit(double PerSecond, double Burst);

/// <summary>The limits per class; a class that is not listed is unlimited.</summary>
public sealed record RateLimits(bool Enabled, IReadOnlyDictionary<RateClass, RateLimit> PerClass)
{
    public static readonly RateLimits Off = new(false, new Dictionary<RateClass, RateLimit>());
}

/// <summary>Token buckets, one per user (or address) and class.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #rate-limiting. Thread-safe. Cost: one dictionary look-up and one short lock.
/// LIMIT: <see cref="BucketsMax"/> buckets; beyond it the ones that are full again are dropped, which changes no
/// answer.
/// </remarks>
internal sealed class RateLimiter(RateLimits limits, TimeProvider time)
{
    internal const int BucketsMax = 100_000;

    private readonly ConcurrentDictionary<(string Key, RateClass Class), Bucket> _buckets = new();

    /// <summary>
    /// Takes one token; zero when the request may go on, else the milliseconds after which it may be tried again.
    /// </summary>
    public long Take(string key, RateClass rateClass)
    {
        if (!limits.Enabled || rateClass == RateClass.None || !limits.PerClass.TryGetValue(rateClass, out var limit))
            return 0;
        var now = time.GetTimestamp();
        if (_buckets.Count >= BucketsMax)
            DropFullBuckets();
        return _buckets.GetOrAdd((key, rateClass), static (_, start) =>
            new Bucket(start.Limit, start.Now), (Limit: limit, Now: now))
            .Take(now, time.TimestampFrequency);
    }

    private void DropFullBuckets()
    {
        var now = time.GetTimestamp();
        foreach (var (key, bucket) in _buckets)
        {
            if (bucket.IsFull(now, time.TimestampFrequency))
                _buckets.TryRemove(key, out _);
        }
    }

    private sealed class Bucket(RateLimit limit, long startedAt)
    {
        private readonly Lock _lock = new();
        private double _tokens = limit.Burst;
        private long _filledAt = startedAt;

        public long Take(long now, long frequency)
        {
            lock (_lock)
            {
                Fill(now, frequency);
                if (_tokens >= 1)
                {
                    _tokens -= 1;
                    return 0;
                }
                return Math.Max(1, (long)Math.Ceiling((1 - _tokens) / limit.PerSecond * 1000));
            }
        }

        public bool IsFull(long now, long frequency)
        {
            lock (_lock)
            {
                Fill(now, frequency);
                return _tokens >= limit.Burst;
            }
        }

        private void Fill(long now, long frequency)
        {
            var seconds = Math.Max(0, now - _filledAt) / (double)frequency;
            _tokens = Math.Min(limit.Burst, _tokens + (seconds * limit.PerSecond));
            _filledAt = Math.Max(_filledAt, now);
        }
    }
}
