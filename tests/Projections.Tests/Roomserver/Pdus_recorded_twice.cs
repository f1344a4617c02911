using Matrix.EventSourced.Facts.Roomserver;
using EventId = Matrix.EventSourced.Protocol.Identifiers.EventId;

namespace Matrix.EventSourced.Projections.Tests.Roomserver;

/// <summary>Relations, words and names of a PDU that is recorded twice: what was redacted meanwhile stays redacted, wherever the batches are
/// cut.</summary>
[Collection(RoomserverDatabase.Collection)]
public sealed class Pdus_recorded_twice(RoomserverDatabase database)
{
    private const string Ada = "@ada:t";

    private readonly TestLog _log = new();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task keep_their_redaction_and_get_their_place_when_they_are_accepted(bool isRedacted)
    {
        var room = new TestRoom(_log, "!twice:t", Ada);
        var parent = room.Message(Ada, "parent");
        var content = $$$"""{"body":"secret word","m.relates_to":{"rel_type":"m.reference","event_id":"{{{parent}}}"} }""";
        var child = room.Send("m.room.message", null, Ada, content, disposition: PduDisposition.Outlier);
        var member = room.Send(
            "m.room.member", Ada, Ada, """{"membership":"join","displayname":"secret name"}""", disposition: PduDisposition.Outlier);
        if (isRedacted)
        {
            room.Redact(Ada, child);
            room.Redact(Ada, member);
        }
        var accepted = Again(child);
        Again(member);
        var dumps = new HashSet<string>();
        foreach (var batchSize in (int[])[1, 2, 3, 5, int.MaxValue])
        {
            var harness = await RoomserverHarness.CreateAsync(database.Source, $"twice_{isRedacted}_{batchSize}");
            await harness.FollowAsync(_log, batchSize);
            dumps.Add(string.Join('\n', (await harness.DumpAsync()).Split('\n').Where(IsOfReading)));
        }
        var dump = Assert.Single(dumps);
        Assert.Equal(!isRedacted, dump.Contains("secret", StringComparison.Ordinal));
        var row = dump.Split('\n').Single(line => line.StartsWith($"relations ({child},", StringComparison.Ordinal));
        Assert.StartsWith($"relations ({child},!twice:t,{accepted},0,{parent},m.reference,", row, StringComparison.Ordinal);
    }

    private static bool IsOfReading(string line) =>
        line.StartsWith("relations ", StringComparison.Ordinal)
        || line.StartsWith("entries ", StringComparison.Ordinal)
        || line.StartsWith("names ", StringComparison.Ordinal);

    /// <summary>Records it as accepted; returns the position.</summary>
    private long Again(EventId eventId)
    {
        var first = _log.Records.Select(record => record.Fact).OfType<PduRecorded>().First(fact => fact.EventId == eventId);
        _log.Add(first with { Disposition = PduDisposition.Accepted });
        return _log.Head;
    }
}
