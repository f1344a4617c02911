using Matrix.EventSourced.Api.Adapters;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.Tests.Rooms;

public sealed class Look_ups_of_PDUs_are_shared
{
    private static readonly RoomId Room = RoomId.Parse("!room:test");

    private readonly SlowQueries _queries = new();
    private readonly PduReads _reads;

    public Look_ups_of_PDUs_are_shared() => _reads = new PduReads(_queries);

    [Fact]
    public async Task those_who_come_meanwhile_share_the_next_question()
    {
        var first = _reads.FindAsync([Id(1)]).AsTask();
        var others = Enumerable.Range(2, 40).Select(number => _reads.FindAsync([Id(number), Id(1)]).AsTask()).ToArray();
        Assert.Single(_queries.Questions);

        _queries.Answer(0, known: [Id(1)]);
        await first;
        await _queries.AskedAsync(2);
        _queries.Answer(1, known: [Id(1), Id(7)]);

        Assert.Equal([Id(1)], Ids(await first));
        for (var i = 0; i < others.Length; i++)
            Assert.Equal(i + 2 == 7 ? [Id(7), Id(1)] : [Id(1)], Ids(await others[i]));
        Assert.Equal(41, _queries.Questions[1].Length);
        Assert.Equal(2, _queries.Questions.Count);
    }

    [Fact]
    public async Task an_error_reaches_all_who_asked_and_nobody_else()
    {
        var first = _reads.FindAsync([Id(1)]).AsTask();
        var second = _reads.FindAsync([Id(2)]).AsTask();
        _queries.Fail(0);
        await Assert.ThrowsAsync<TimeoutException>(() => first);

        await _queries.AskedAsync(2);
        _queries.Answer(1, known: []);

        Assert.Empty(await second);
        var third = _reads.FindAsync([Id(3)]).AsTask();
        await _queries.AskedAsync(3);
        _queries.Answer(2, known: [Id(3)]);
        Assert.Equal([Id(3)], Ids(await third));
    }

    [Fact]
    public async Task many_ids_are_a_question_of_their_own()
    {
        var small = _reads.FindAsync([Id(1)]).AsTask();
        var large = _reads.FindAsync([.. Enumerable.Range(1, 1000).Select(Id)]).AsTask();

        Assert.Equal(2, _queries.Questions.Count);
        _queries.Answer(1, known: [Id(5)]);
        Assert.Equal([Id(5)], Ids(await large));
        Assert.False(small.IsCompleted);
        _queries.Answer(0, known: []);
        Assert.Empty(await small);
    }

    private static EventId Id(int number) => EventId.Parse($"${number}:test");

    private static EventId[] Ids(IEnumerable<RoomserverPdu> found) => [.. found.Select(pdu => pdu.EventId)];

    private sealed class SlowQueries : IRoomserverQueries
    {
        private readonly Lock _lock = new();
        private readonly List<TaskCompletionSource<IReadOnlyList<RoomserverPdu>>> _answers = [];
        private TaskCompletionSource _asked = new();

        public List<EventId[]> Questions { get; } = [];

        public ValueTask<IReadOnlyList<RoomserverPdu>> FindPdusAsync(
            IReadOnlyList<EventId> eventIds, CancellationToken cancellationToken = default)
        {
            lock (_lock)
            {
                Questions.Add([.. eventIds]);
                _answers.Add(new(TaskCreationOptions.RunContinuationsAsynchronously));
                _asked.SetResult();
                _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
                return new(_answers[^1].Task);
            }
        }

        public async Task AskedAsync(int count)
        {
            while (true)
            {
                Task next;
                lock (_lock)
                {
                    if (Questions.Count >= count)
                        return;
                    next = _asked.Task;
                }
                await next;
            }
        }

        public void Answer(int question, EventId[] known) => _answers[question].SetResult(
            [.. known.Select(id => new RoomserverPdu(id, Room, "2", "{}"u8.ToArray(), PduDisposition.Accepted, false))]);

        public void Fail(int question) => _answers[question].SetException(new TimeoutException());

        public ValueTask<EventId?> FindTransactionAsync(
            RoomId roomId, UserId userId, string deviceId, string scope, string transactionId,
            CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public ValueTask<IReadOnlyList<RoomId>> JoinedRoomsAsync(
            UserId userId, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public ValueTask<IReadOnlyList<RoomId>> RoomsOfAsync(
            UserId userId, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public ValueTask<RoomId?> FindAliasAsync(
            RoomAlias alias, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public ValueTask<IReadOnlyList<RoomAlias>> AliasesOfAsync(
            RoomId roomId, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public ValueTask<bool> IsPublicAsync(
            RoomId roomId, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public ValueTask<string?> FindRoomVersionAsync(
            RoomId roomId, CancellationToken cancellationToken = default) => throw new NotSupportedException();
    }
}
