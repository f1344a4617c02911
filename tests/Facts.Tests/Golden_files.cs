using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Facts.Schema;

namespace Matrix.EventSourced.Facts.Tests;

/// <summary>What stands in a log can be read for good: the bytes of every fact are held by files that never
/// change.</summary>
public sealed class Golden_files
{
    public static TheoryData<string> Files => [.. Samples.All.Select(sample => sample.File)];

    [Theory]
    [MemberData(nameof(Files))]
    public void fact_is_written_as_its_golden_file(string file)
    {
        var (type, data) = FactCodec.Encode(FactOf(file));

        Assert.Equal(type, file[..file.LastIndexOf('.')]);
        GoldenFolder.Verify(file, data);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void golden_file_is_read_as_its_fact(string file)
    {
        var fact = FactCodec.Decode(file[..file.LastIndexOf('.')], GoldenFolder.Read(file));

        // Arrays compare by reference inside records, so that what is read is compared as it is written.
        Assert.Equal(FactOf(file).GetType(), fact.GetType());
        Assert.Equal(FactCodec.Encode(FactOf(file)).Data, FactCodec.Encode(fact).Data);
    }

    [Fact]
    public void metadata_is_written_and_read_as_its_golden_files()
    {
        GoldenFolder.Verify("metadata.full", FactCodec.EncodeMetadata(Samples.FullMetadata));
        GoldenFolder.Verify("metadata.minimal", FactCodec.EncodeMetadata(Samples.MinimalMetadata));
        Assert.Equal(Samples.FullMetadata, FactCodec.DecodeMetadata(GoldenFolder.Read("metadata.full")));
        Assert.Equal(Samples.MinimalMetadata, FactCodec.DecodeMetadata(GoldenFolder.Read("metadata.minimal")));
    }

    [Fact]
    public void every_fact_of_the_schema_has_a_full_and_a_minimal_file_and_no_file_stands_alone()
    {
        // A fact that gained members keeps the file of its earlier full form beside the new one.
        var expected = FactSchema.All.SelectMany(row => new[] { $"{row.Name}.full", $"{row.Name}.minimal" })
            .Concat(["metadata.full", "metadata.minimal", $"{FactNames.PduRecorded}.on_heads"])
            .Concat([$"{FactNames.PduRecorded}.not_erased", $"{FactNames.PduRecorded}.erased_bare"])
            .Concat([$"{FactNames.PduRecorded}.not_waited_for"])
            .Concat([$"{FactNames.CredentialsChanged}.not_linked"])
            .Order(StringComparer.Ordinal);

        Assert.Equal(expected, GoldenFolder.Names().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void pdu_that_is_read_back_is_a_slice_of_the_record_and_equal_to_what_was_given()
    {
        var given = (PduRecorded)FactOf($"{FactNames.PduRecorded}.full");
        var data = FactCodec.Encode(given).Data;

        var read = (PduRecorded)FactCodec.Decode(FactNames.PduRecorded, data);

        Assert.Equal(given.Pdu, read.Pdu);
        Assert.Equal(given.StrippedState, read.StrippedState);
        Assert.True(System.Runtime.InteropServices.MemoryMarshal.TryGetArray(read.Pdu.Utf8, out var segment));
        Assert.Same(data, segment.Array);
    }

    private static IFact FactOf(string file) => Samples.All.Single(sample => sample.File == file).Fact;
}
