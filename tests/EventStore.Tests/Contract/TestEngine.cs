using Microsoft.Extensions.Time.Testing;

namespace Matrix.EventSourced.EventStore.Tests.Contract;

/// <summary>How the contract suite opens an engine. Opened again, a persistent one still holds what it held.</summary>
public abstract class TestEngine : IAsyncDisposable
{
    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    /// <summary>Whether what was appended survives a close.</summary>
    public abstract bool IsPersistent { get; }

    /// <param name="beforeOperation">Called before each step of a write; what it throws stands for a failing
    /// disk.</param>
    public abstract ValueTask<IEventStore> OpenAsync(Action<string>? beforeOperation = null);

    public virtual ValueTask CloseAsync(IEventStore store) =>
        store is IAsyncDisposable disposable ? disposable.DisposeAsync() : ValueTask.CompletedTask;

    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}
