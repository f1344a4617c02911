using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.EventStore.Embedded;
using Matrix.EventSourced.EventStore.EventStoreDb;
using Matrix.EventSourced.EventStore.InMemory;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.EventSourced.Benchmarks.Log;

/// <summary>One engine with an empty log of its own, which goes with it; a node that runs already keeps its own.</summary>
internal sealed class Engine(string name, IEventStore store, Stack<IAsyncDisposable> owned) : IAsyncDisposable
{
    public string Name => name;

    public IEventStore Store => store;

    /// <summary>Opens the engine of that name over a log in a new folder.</summary>
    public static async Task<Engine> OpenAsync(string name, LogOptions options, CancellationToken cancellationToken)
    {
        var owned = new Stack<IAsyncDisposable>();
        try
        {
            var store = await OpenStoreAsync(name, options, owned, cancellationToken);
            return new Engine(name, store, owned);
        }
        catch
        {
            await DisposeAllAsync(owned);
            throw;
        }
    }

    public static async Task<Engine> ConnectAsync(string name, ConnectionSettings node, CancellationToken cancellationToken)
    {
        var owned = new Stack<IAsyncDisposable>();
        return new Engine(name, await ConnectStoreAsync(node, owned, cancellationToken), owned);
    }

    public ValueTask DisposeAsync() => DisposeAllAsync(owned);

    private static async Task<IEventStore> OpenStoreAsync(
        string name, LogOptions options, Stack<IAsyncDisposable> owned, CancellationToken cancellationToken)
    {
        if (name == "InMemory")
            return new InMemoryEventStore(TimeProvider.System);
        var folder = new TemporaryFolder(options.Folder);
        owned.Push(folder);
        if (name == "Embedded")
        {
            var store = await EmbeddedEventStore.OpenAsync(
                new EmbeddedOptions { Folder = folder.Path }, TimeProvider.System, NullLogger.Instance);
            owned.Push(store);
            return store;
        }
        var served = await ServedLog.StartAsync(ServedLog.Find(options.Binary), folder.Path, cancellationToken);
        owned.Push(served);
        return await ConnectStoreAsync(ConnectionString.Parse(served.Address), owned, cancellationToken);
    }

    private static async Task<IEventStore> ConnectStoreAsync(
        ConnectionSettings node, Stack<IAsyncDisposable> owned, CancellationToken cancellationToken)
    {
        var settings = new EventStoreDbOptions { Connection = node, Random = new Random(1) };
        var store = await EventStoreDbEventStore.ConnectAsync(
            settings, TimeProvider.System, NullLogger.Instance, Console.Error.WriteLine, cancellationToken);
        owned.Push(store);
        return store;
    }

    private static async ValueTask DisposeAllAsync(Stack<IAsyncDisposable> owned)
    {
        while (owned.TryPop(out var last))
            await last.DisposeAsync();
    }

    private sealed class TemporaryFolder(string parent) : IAsyncDisposable
    {
        public string Path { get; } = Directory.CreateDirectory(
            System.IO.Path.Combine(parent, $"matrix-bench-log-{Guid.NewGuid():N}")).FullName;

        public ValueTask DisposeAsync()
        {
            Directory.Delete(Path, recursive: true);
            return ValueTask.CompletedTask;
        }
    }
}
