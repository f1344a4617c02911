using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.MediaApi;

/// <summary>One decision at a time about what a user may still upload, so that two never share what is left.</summary>
/// <remarks>LOCK: before the aggregate's; nobody waits for a second one while holding one.</remarks>
public sealed class UploaderLocks
{
    /// <summary>LIMIT: users who are decided about at once. Ours: far above what the log can take.</summary>
    private const int StripesMax = 64;

    private readonly SemaphoreSlim[] _stripes = CreateStripes();

    public async ValueTask<Held> EnterAsync(UserId userId, CancellationToken cancellationToken)
    {
        var hash = 2_166_136_261u;
        foreach (var character in userId.Value)
            hash = (hash ^ character) * 16_777_619u;
        var stripe = _stripes[hash % StripesMax];
        await stripe.WaitAsync(cancellationToken);
        return new Held(stripe);
    }

    private static SemaphoreSlim[] CreateStripes()
    {
        var stripes = new SemaphoreSlim[StripesMax];
        for (var i = 0; i < stripes.Length; i++)
            stripes[i] = new SemaphoreSlim(1, 1);
        return stripes;
    }

    public readonly struct Held(SemaphoreSlim stripe) : IDisposable
    {
        public void Dispose() => stripe.Release();
    }
}
