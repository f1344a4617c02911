namespace Matrix.EventSourced.Commands.DelayedEvents;

/// <summary>Lets one at a time do something with a delayed event, or for a user.</summary>
/// <remarks>An event that is being sent must not be cancelled or restarted at that very moment: the client would hear
/// that it was, and see it in the room. LOCK: striped by name; held while a room decides; nobody takes a second one.
/// </remarks>
public sealed class DelayedEventTurns : IDisposable
{
    private const int StripesMax = 64;

    private readonly SemaphoreSlim[] _stripes =
        [.. Enumerable.Range(0, StripesMax).Select(_ => new SemaphoreSlim(1, 1))];

    /// <summary>Waits for the turn; it ends when what is answered is disposed.</summary>
    public async ValueTask<IDisposable> TakeAsync(string name, CancellationToken cancellationToken)
    {
        var stripe = _stripes[(uint)string.GetHashCode(name, StringComparison.Ordinal) % StripesMax];
        await stripe.WaitAsync(cancellationToken);
        return new Turn(stripe);
    }

    public void Dispose()
    {
        foreach (var stripe in _stripes)
            stripe.Dispose();
    }

    private sealed class Turn(SemaphoreSlim stripe) : IDisposable
    {
        public void Dispose() => stripe.Release();
    }
}
