using System.Runtime.CompilerServices;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Projections.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Matrix.EventSourced.Projections.Tests.Hosting;

public sealed class Projection_gate
{
    private static readonly string[] Both = ["aliases", "others"];

    private readonly FakeTimeProvider _time = new();
    private readonly SlowHead _log = new();
    private readonly ProjectionRegistry _registry = new();
    private readonly ProjectionGate _gate;

    public Projection_gate()
    {
        _registry.Fill([new AliasTableProjection(), new OtherProjection()]);
        _gate = new ProjectionGate(
            _registry, _log, _time, new ProjectionOptions(), NullLogger<ProjectionGate>.Instance);
        foreach (var entry in _registry.Entries)
            entry.Applied.Follow(LogPosition.Start);
    }

    [Fact]
    public async Task answers_at_once_when_everything_is_applied()
    {
        Move("aliases", 5);
        Move("others", 6);

        var wait = _gate.WaitForAsync(Both, new LogPosition(5), CancellationToken.None).AsTask();

        Assert.True(wait.IsCompletedSuccessfully);
        Assert.Equal(new LogPosition(5), await wait);
    }

    [Fact]
    public async Task waits_for_the_slowest()
    {
        var wait = _gate.WaitForAsync(Both, new LogPosition(5), CancellationToken.None).AsTask();
        Move("aliases", 9);
        Assert.False(wait.IsCompleted);

        Move("others", 5);

        Assert.Equal(new LogPosition(5), await wait);
    }

    /// <summary>A room was quarantined because a PDU that its state names was not in the tables yet: after the join of a
    /// room of 50,000 members they were seconds behind.</summary>
    [Fact]
    public async Task refuses_who_needs_the_head_when_it_is_not_reached()
    {
        Move("aliases", 3);
        Move("others", 9);
        _registry.Get("aliases").Applied.Stop();
        var wait = _gate.RequireHeadAsync(Both, CancellationToken.None).AsTask();

        _log.Answer(5);

        await Assert.ThrowsAsync<ProjectionBehindException>(() => wait);
    }

    [Fact]
    public async Task answers_with_what_there_is_when_time_is_up()
    {
        Move("aliases", 3);
        var wait = _gate.WaitForAsync(Both, new LogPosition(5), CancellationToken.None).AsTask();
        Move("others", 9);

        _time.Advance(new ProjectionOptions().GateTimeout);

        Assert.Equal(new LogPosition(3), await wait);
        Assert.Equal(1, _gate.Timeouts);
    }

    [Fact]
    public async Task lets_a_reader_that_went_away_go()
    {
        using var gone = new CancellationTokenSource();
        var wait = _gate.WaitForAsync(Both, new LogPosition(5), gone.Token).AsTask();

        await gone.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait);
        Assert.Equal(0, _gate.Timeouts);
    }

    [Fact]
    public async Task refuses_a_name_that_nobody_registered() =>
        await Assert.ThrowsAsync<InvalidOperationException>(
            async () => await _gate.WaitForAsync(new[] { "nobody" }, LogPosition.Start, CancellationToken.None));

    [Fact]
    public async Task one_read_of_the_head_serves_all_who_came_before_it_began()
    {
        var head = new LogHead(_log);

        var first = head.ReadAsync(CancellationToken.None).AsTask();
        var second = head.ReadAsync(CancellationToken.None).AsTask();
        var third = head.ReadAsync(CancellationToken.None).AsTask();
        Assert.Equal(1, _log.ReadCount);

        // The first read may have looked before the others' writes: they share the next one.
        _log.Answer(7);
        Assert.Equal(new LogPosition(7), await first);
        await _log.AwaitReadAsync(2);
        _log.Answer(8);

        Assert.Equal(new LogPosition(8), await second);
        Assert.Equal(new LogPosition(8), await third);
        Assert.Equal(2, _log.ReadCount);
    }

    private void Move(string projection, ulong position) =>
        _registry.Get(projection).Applied.MoveTo(new LogPosition(position));

    private sealed class OtherProjection : AliasTableProjection
    {
        public override string Name => "others";
    }

    /// <summary>A log whose head comes when the test says so.</summary>
    private sealed class SlowHead : IEventReader
    {
        private readonly Lock _lock = new();
        private readonly List<TaskCompletionSource<LogPosition>> _reads = [];
        private TaskCompletionSource _grown = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int ReadCount => _reads.Count;

        public ValueTask<LogPosition> ReadHeadAsync(CancellationToken cancellationToken = default)
        {
            lock (_lock)
            {
                _reads.Add(new(TaskCreationOptions.RunContinuationsAsynchronously));
                _grown.TrySetResult();
                _grown = new(TaskCreationOptions.RunContinuationsAsynchronously);
                return new(_reads[^1].Task);
            }
        }

        public void Answer(ulong position) => _reads[^1].SetResult(new LogPosition(position));

        public async Task AwaitReadAsync(int count)
        {
            while (true)
            {
                Task grown;
                lock (_lock)
                {
                    if (_reads.Count >= count)
                        return;
                    grown = _grown.Task;
                }
                await grown;
            }
        }

        public IAsyncEnumerable<LogRecord> ReadStreamAsync(
            StreamName stream,
            long? fromRevision,
            ReadDirection direction,
            long maxCount,
            CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();

        public IAsyncEnumerable<LogRecord> ReadAllAsync(
            LogPosition? from,
            ReadDirection direction,
            long maxCount,
            RecordFilter? filter = null,
            CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();

        public ValueTask<StreamState> ReadStreamStateAsync(
            StreamName stream, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public async IAsyncEnumerable<SubscriptionMessage> SubscribeAsync(
            LogPosition after,
            RecordFilter? filter = null,
            [EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            await Task.CompletedTask;
            yield break;
        }

        public ValueTask<StreamMetadata> ReadStreamMetadataAsync(
            StreamName stream, CancellationToken cancellationToken = default) => throw new NotSupportedException();
    }
}
