using System.Text;
using System.Text.Json;
using CsCheck;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Facts.Tests;

public sealed class Fact_codec
{
    [Fact]
    public void unknown_name_is_said_in_the_exception()
    {
        var problem = Assert.Throws<UnknownFactException>(
            () => FactCodec.Decode("future.thing_happened.v9", "{}"u8.ToArray()));

        Assert.Equal("future.thing_happened.v9", problem.StoredName);
        Assert.Contains("future.thing_happened.v9", problem.Message, StringComparison.Ordinal);
        Assert.False(FactCodec.Knows("future.thing_happened.v9"));
        Assert.True(FactCodec.Knows(FactNames.PduRecorded));
    }

    [Theory]
    [InlineData(FactNames.PduRecorded, "{}")]
    [InlineData(FactNames.PduRecorded, "[]")]
    [InlineData(FactNames.PduRecorded, "{\"room_id\":7}")]
    [InlineData(FactNames.PduRecorded, "{\"room_id\":\"!a:hs\"")]
    [InlineData(FactNames.PduRecorded, "{\"room_id\":\"nobody\"}")]
    [InlineData(FactNames.PduRecorded, "{\"state_before\":\"short\"}")]
    [InlineData(FactNames.PduRecorded, "{\"disposition\":\"lost\"}")]
    [InlineData(FactNames.PduRecorded, "{\"depth\":1.5}")]
    [InlineData(FactNames.AccountRegistered, "{\"user_id\":\"alice\"}")]
    [InlineData(FactNames.AccountRegistered, "{\"user_id\":\"@a:hs\",\"kind\":3}")]
    [InlineData(FactNames.AccountRegistered, "null")]
    [InlineData(FactNames.AccountRegistered, "")]
    public void bytes_that_do_not_fit_the_name_are_malformed(string type, string data)
    {
        var problem = Assert.Throws<MalformedFactException>(() => FactCodec.Decode(type, Encoding.UTF8.GetBytes(data)));

        Assert.Equal(type, problem.StoredName);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("{\"causation\":\"a\",\"correlation\":\"b\",\"actor\":[],\"received_at_ms\":1}")]
    public void malformed_metadata_is_said_to_be(string metadata) =>
        Assert.Throws<MalformedFactException>(() => FactCodec.DecodeMetadata(Encoding.UTF8.GetBytes(metadata)));

    [Fact]
    public void members_that_a_newer_version_added_are_skipped()
    {
        foreach (var (file, fact) in Samples.All)
        {
            var (type, data) = FactCodec.Encode(fact);
            var newer = Encoding.UTF8.GetBytes("{\"added_later\":{\"a\":[1,{}]}," + Encoding.UTF8.GetString(data)[1..]);

            Assert.True(data.AsSpan().SequenceEqual(FactCodec.Encode(FactCodec.Decode(type, newer)).Data), file);
        }
    }

    [Fact]
    public void upcasters_lead_an_old_name_to_the_current_one_step_by_step()
    {
        var upcasters = new FactUpcasters(
        [
            new("userapi.removed.v1", "userapi.removed.v2", data => Replace(data, "\"user\"", "\"user_id\"")),
            new("userapi.removed.v2", FactNames.DeviceDeleted, data => Replace(data, "\"device\"", "\"device_id\"")),
        ]);

        var fact = FactCodec.Decode(
            "userapi.removed.v1", "{\"user\":\"@a:hs\",\"device\":\"D\"}"u8.ToArray(), upcasters);

        Assert.Equal(new DeviceDeleted(UserId.Parse("@a:hs"), "D"), fact);
        Assert.True(upcasters.Knows("userapi.removed.v2"));
    }

    [Fact]
    public void upcasters_that_go_round_in_a_circle_are_refused() => Assert.Throws<ArgumentException>(
        () => new FactUpcasters([new("a.v1", "a.v2", data => data), new("a.v2", "a.v1", data => data)]));

    [Fact]
    public void any_recorded_pdu_comes_back_as_it_was()
    {
        var text = Gen.String[Gen.Char.Where(letter => !char.IsSurrogate(letter)), 0, 30];
        var eventId = Gen.Int.Select(n => EventId.Parse($"${n:D43}"));
        var root = Gen.Select(Gen.ULong, Gen.ULong, Gen.ULong, Gen.ULong, (a, b, c, d) => new StateRoot(a, b, c, d));
        var tuple = Gen.Select(text, text, (type, stateKey) => new StateTuple(type, stateKey));
        var entry = Gen.Select(tuple, eventId, (key, id) => new StateEntry(key, id));
        var optional = text.Select(Gen.Bool, (value, isThere) => isThere ? value : null);
        var gen = Gen.Select(
            Gen.Select(optional, optional, optional, text),
            Gen.Select(entry.Array[0, 4], tuple.Array[0, 3], eventId.Array[0, 3]),
            Gen.Select(root, root, Gen.Long, Gen.Enum<PduDisposition>()),
            (texts, state, place) => new PduRecorded
            {
                RoomId = RoomId.Parse("!a:hs"),
                RoomVersion = "11",
                EventId = EventId.Parse("$x:hs"),
                Pdu = new RawJson(JsonSerializer.SerializeToUtf8Bytes(texts.Item4)),
                Disposition = place.Item4,
                Reason = texts.Item1,
                StateAdded = [.. state.Item1],
                StateRemoved = [.. state.Item2],
                ForwardExtremities = [.. state.Item3],
                StateBefore = place.Item1,
                CurrentState = place.Item2,
                Depth = place.Item3,
                TransactionId = texts.Item2,
                DeviceId = texts.Item3,
            });

        gen.Sample(
            fact =>
            {
                var read = (PduRecorded)FactCodec.Decode(FactNames.PduRecorded, FactCodec.Encode(fact).Data);
                Assert.Equal(fact.StateAdded.AsSpan(), read.StateAdded.AsSpan());
                Assert.Equal(fact.StateRemoved.AsSpan(), read.StateRemoved.AsSpan());
                Assert.Equal(fact.ForwardExtremities.AsSpan(), read.ForwardExtremities.AsSpan());
                Assert.Equal(WithoutArrays(fact), WithoutArrays(read));
            },
            iter: 200);
    }

    private static PduRecorded WithoutArrays(PduRecorded fact) =>
        fact with { StateAdded = [], StateRemoved = [], ForwardExtremities = [] };

    private static ReadOnlyMemory<byte> Replace(ReadOnlyMemory<byte> data, string old, string now) =>
        Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(data.Span).Replace(old, now, StringComparison.Ordinal));
}
