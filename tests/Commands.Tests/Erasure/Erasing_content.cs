using System.Text;
using Matrix.EventSourced.Commands.Erasure;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Tests.Roomserver;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.EventStore.Embedded;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.State;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Matrix.EventSourced.Commands.Tests.Erasure;

/// <summary>The eraser over the real log of a folder.</summary>
public sealed class Erasing_content : IAsyncLifetime
{
    private static readonly RoomId Room = RoomId.Parse("!r:t");
    private static readonly EventId Target = EventId.Parse("$" + new string('a', 43));
    private static readonly EventId Redaction = EventId.Parse("$" + new string('b', 43));

    private readonly string _folder = Directory.CreateTempSubdirectory("mes-erasure-").FullName;
    private readonly FakeTimeProvider _time = new(DateTimeOffset.FromUnixTimeMilliseconds(1_000_000));
    private EmbeddedEventStore _log = null!;
    private FaultyLog _faulty = null!;

    public async Task InitializeAsync()
    {
        _log = await EmbeddedEventStore.OpenAsync(
            new EmbeddedOptions { Folder = _folder }, _time, NullLogger.Instance);
        _faulty = new FaultyLog(_log);
    }

    public async Task DisposeAsync()
    {
        await _log.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task what_a_crash_kept_from_being_recorded_is_recorded_by_the_next_round()
    {
        var position = await RecordAsync();
        var lookup = new Lookup(new DueErasure(Room, Target, Redaction, [position]));
        using var eraser = Eraser(lookup, TimeSpan.FromDays(1));
        _faulty.BeforeAppend = _ => throw new EventStoreException("gone");
        await Assert.ThrowsAsync<EventStoreException>(async () => await eraser.EraseDueAsync(default));
        var erased = await ReadAsync(position);
        Assert.DoesNotContain("secret", erased.Pdu.ToString(), StringComparison.Ordinal);
        Assert.Equal(new ErasedContent(), erased.Erased);

        _faulty.BeforeAppend = null;
        Assert.Equal(1, await eraser.EraseDueAsync(default));
        var again = await ReadAsync(position);
        Assert.Equal(erased.Pdu, again.Pdu);
        // All that a replay needs is as it was.
        Assert.Equal((Target, PduDisposition.Accepted, 7L, "T"), (again.EventId, again.Disposition, again.Depth, again.TransactionId));
        var fact = Assert.Single(await ErasedAsync());
        Assert.Equal(
            (Room, Target, Redaction, (long)position.Value),
            (fact.RoomId, fact.EventId, fact.RedactedBy, Assert.Single(fact.Positions)));
        Assert.Equal([1_000_000 - 86_400_000, 1_000_000 - 86_400_000, 1_000_000 - 86_400_000], lookup.Asked);
    }

    [Fact]
    public async Task without_a_time_or_an_engine_that_can_nothing_is_touched()
    {
        var position = await RecordAsync();
        var lookup = new Lookup(new DueErasure(Room, Target, Redaction, [position]));
        using (var eraser = Eraser(lookup, null))
            Assert.Equal((0, false), (await eraser.EraseDueAsync(default), eraser.IsWanted));
        using (var eraser = Eraser(lookup, TimeSpan.Zero, canErase: false))
            Assert.Equal((0, false), (await eraser.EraseDueAsync(default), eraser.IsPossible));
        Assert.Contains("secret", (await ReadAsync(position)).Pdu.ToString(), StringComparison.Ordinal);
        Assert.Empty(lookup.Asked);
    }

    [Fact]
    public async Task a_position_that_holds_another_record_is_left_alone()
    {
        var position = await RecordAsync();
        using var eraser = Eraser(
            new Lookup(new DueErasure(Room, Redaction, Target, [position])), TimeSpan.Zero);
        Assert.Equal(1, await eraser.EraseDueAsync(default));
        Assert.Contains("secret", (await ReadAsync(position)).Pdu.ToString(), StringComparison.Ordinal);
        Assert.Empty(Assert.Single(await ErasedAsync()).Positions);
    }

    private ContentEraser Eraser(IErasureLookup lookup, TimeSpan? retention, bool canErase = true) => new(
        canErase ? _log : null,
        _log,
        new FactAppender(_faulty, new SeededRandom(1)),
        lookup,
        new ErasureOptions(retention),
        _time,
        NullLogger<ContentEraser>.Instance);

    private async Task<LogPosition> RecordAsync()
    {
        var pdu = """
            {"auth_events":[],"content":{"body":"secret","msgtype":"m.text"},"depth":7,"hashes":{"sha256":"x"},
            "origin_server_ts":1,"prev_events":[],"room_id":"!r:t","sender":"@a:t","signatures":{},"type":"m.room.message"}
            """;
        var fact = new PduRecorded
        {
            RoomId = Room,
            RoomVersion = "11",
            EventId = Target,
            Pdu = new(Encoding.UTF8.GetBytes(pdu.ReplaceLineEndings(string.Empty))),
            Disposition = PduDisposition.Accepted,
            ForwardExtremities = [Target],
            StateBefore = StateMap.Empty.Root,
            CurrentState = StateMap.Empty.Root,
            Depth = 7,
            TransactionId = "T",
        };
        var appended = await new FactAppender(_log, new SeededRandom(2)).AppendAsync(
            new StreamName(StreamCategories.Room, Room.Value),
            ExpectedRevision.Any,
            [fact],
            new CommandContext(FactActor.Self, 0, "test"));
        return Assert.IsType<AppendResult.Appended>(appended).Position;
    }

    private async Task<PduRecorded> ReadAsync(LogPosition position)
    {
        await foreach (var record in _log.ReadAllAsync(position, ReadDirection.Backwards, 1))
            return (PduRecorded)FactCodec.Decode(record.Type, record.Data);
        throw new InvalidOperationException("The log is empty.");
    }

    private async Task<List<ContentErased>> ErasedAsync()
    {
        var found = new List<ContentErased>();
        await foreach (var record in _log.ReadStreamAsync(
            new StreamName(StreamCategories.Erasure, "log"), null, ReadDirection.Forwards, 10))
        {
            found.Add((ContentErased)FactCodec.Decode(record.Type, record.Data));
        }
        return found;
    }

    /// <summary>Gives its one erasure until it was recorded.</summary>
    private sealed class Lookup(DueErasure due) : IErasureLookup
    {
        private int _given;

        public List<long> Asked { get; } = [];

        public ValueTask<IReadOnlyList<DueErasure>> FindDueAsync(
            long recordedUpToMs, int limit, CancellationToken cancellationToken)
        {
            Asked.Add(recordedUpToMs);
            // Asked a third time, its fact was seen.
            return new(_given++ < (due.EventId == Target ? 2 : 1) ? [due] : []);
        }

        public ErasedContent RemainsOf(Pdu pdu) => new();
    }
}
