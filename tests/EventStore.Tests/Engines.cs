using Matrix.EventSourced.EventStore.Embedded;
using Matrix.EventSourced.EventStore.InMemory;
using Matrix.EventSourced.EventStore.Tests.Contract;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.EventSourced.EventStore.Tests;

public sealed class InMemoryEngine : TestEngine
{
    public override bool IsPersistent => false;

    public override ValueTask<IEventStore> OpenAsync(Action<string>? beforeOperation = null) =>
        ValueTask.FromResult<IEventStore>(new InMemoryEventStore(Time) { BeforeOperation = Wrapped(beforeOperation) });

    /// <summary>The port promises one kind of exception.</summary>
    private static Action<string>? Wrapped(Action<string>? beforeOperation) =>
        beforeOperation is null ? null : operation =>
    {
        try
        {
            beforeOperation(operation);
        }
        catch (Exception problem)
        {
            throw new EventStoreException("The operation failed.", problem);
        }
    };
}

public sealed class EmbeddedEngine : TestEngine
{
    public string Folder { get; } = Directory.CreateTempSubdirectory("log-").FullName;

    public override bool IsPersistent => true;

    public override async ValueTask<IEventStore> OpenAsync(Action<string>? beforeOperation = null) =>
        await OpenEmbeddedAsync(new EmbeddedOptions { Folder = Folder, BeforeOperation = beforeOperation });

    public ValueTask<EmbeddedEventStore> OpenEmbeddedAsync(EmbeddedOptions? options = null) =>
        EmbeddedEventStore.OpenAsync(options ?? new EmbeddedOptions { Folder = Folder }, Time, NullLogger.Instance);

    public override ValueTask DisposeAsync()
    {
        Directory.Delete(Folder, recursive: true);
        return base.DisposeAsync();
    }
}

public sealed class In_memory_engine() : EventStoreContract(new InMemoryEngine());

public sealed class Embedded_engine() : EventStoreContract(new EmbeddedEngine());
