using System.Text;

namespace Matrix.EventSourced.EventStore.Tests.Contract;

/// <summary>What every engine of the log must do. An engine joins with a class that names its
/// <see cref="TestEngine"/>.</summary>
public abstract partial class EventStoreContract(TestEngine engine) : IAsyncLifetime
{
    /// <summary>A test that waits for this long has failed.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    protected static readonly StreamName Room = new("room", "!a-b:hs");
    protected static readonly StreamName Other = new("user", "@u:hs");

    private int _lastId;

    protected TestEngine Engine { get; } = engine;

    protected IEventStore Store { get; private set; } = null!;

    public async Task InitializeAsync() => Store = await Engine.OpenAsync();

    public async Task DisposeAsync()
    {
        await Engine.CloseAsync(Store);
        await Engine.DisposeAsync();
    }

    /// <summary>A record with an id of its own, the same in every run.</summary>
    protected NewRecord Record(string data = "{}", string type = "test.happened.v1") =>
        new(IdOf(Interlocked.Increment(ref _lastId)), type, Encoding.UTF8.GetBytes(data), "{\"m\":1}"u8.ToArray());

    protected NewRecord[] Records(int count) => [.. Enumerable.Range(0, count).Select(n => Record($"{{\"n\":{n}}}"))];

    protected static Guid IdOf(int number) => new(number, 7, 7, [1, 2, 3, 4, 5, 6, 7, 8]);

    protected async Task<AppendResult.Appended> AppendAsync(StreamName stream, params NewRecord[] records) =>
        Assert.IsType<AppendResult.Appended>(await Store.AppendAsync(stream, ExpectedRevision.Any, records));

    protected async Task<List<LogRecord>> ReadStreamAsync(
        StreamName stream,
        long? from = null,
        ReadDirection direction = ReadDirection.Forwards,
        long maxCount = long.MaxValue) =>
        await ToListAsync(Store.ReadStreamAsync(stream, from, direction, maxCount));

    protected async Task<List<LogRecord>> ReadAllAsync(
        LogPosition? from = null,
        ReadDirection direction = ReadDirection.Forwards,
        long maxCount = long.MaxValue,
        RecordFilter? filter = null) =>
        await ToListAsync(Store.ReadAllAsync(from, direction, maxCount, filter));

    protected static async Task<List<T>> ToListAsync<T>(IAsyncEnumerable<T> items)
    {
        var list = new List<T>();
        await foreach (var item in items)
            list.Add(item);
        return list;
    }

    protected static CancellationTokenSource Bounded() => new(Patience);

    protected static void AssertRevisions(IEnumerable<LogRecord> records, params long[] revisions) =>
        Assert.Equal(revisions, records.Select(record => record.Revision));
}
