using System.Collections.Concurrent;
using Matrix.EventSourced.EventStore.Embedded.Sqlite;

namespace Matrix.EventSourced.EventStore.Embedded;

/// <summary>Reading connections, reused. A reader never waits for the writer: the write-ahead log gives each its own
/// snapshot.</summary>
internal sealed class LogReaders(string path) : IDisposable
{
    /// <summary>LIMIT: idle connections kept. Ours: as many as read at the same time on a few cores; each keeps 1 MiB
    /// of pages.</summary>
    private const int IdleMax = 4;

    private readonly ConcurrentStack<LogReader> _idle = [];
    private readonly TypeNames _types = new();
    private volatile bool _closed;

    public T Read<TArgument, T>(TArgument argument, Func<LogReader, TArgument, T> read)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        LogReader? reader = null;
        try
        {
            if (!_idle.TryPop(out reader))
                reader = new LogReader(path, _types);
            var result = read(reader, argument);
            GiveBack(reader);
            return result;
        }
        catch (SqliteFailure problem)
        {
            reader?.Dispose();
            throw new EventStoreException("The log could not be read.", problem);
        }
    }

    public void Dispose()
    {
        _closed = true;
        while (_idle.TryPop(out var reader))
            reader.Dispose();
    }

    private void GiveBack(LogReader reader)
    {
        if (_closed || _idle.Count >= IdleMax)
            reader.Dispose();
        else
            _idle.Push(reader);
    }
}
