using Matrix.EventSourced.EventStore;
using Npgsql;

namespace Matrix.EventSourced.Api.Hosting;

/// <summary>The log and the database of one homeserver, with what has to be closed at the end.</summary>
internal sealed record Storage(IEventStore EventStore, NpgsqlDataSource Database, IReadOnlyList<IAsyncDisposable> Owned)
    : IAsyncDisposable
{
    public ValueTask DisposeAsync() => DisposeAllAsync(Owned);

    /// <summary>Closes the last opened first.</summary>
    public static async ValueTask DisposeAllAsync(IReadOnlyList<IAsyncDisposable> owned)
    {
        for (var i = owned.Count - 1; i >= 0; i--)
            await owned[i].DisposeAsync();
    }
}
