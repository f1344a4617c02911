using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Matrix.EventSourced.EventStore;

/// <summary>The bounds of a stream as EventStoreDB writes them: a JSON object in the stream's metadata
/// stream.</summary>
/// <remarks>Shape: <c>{"$maxAge": seconds, "$maxCount": records, "$tb": first revision that stays, …}</c>; other
/// members (<c>$acl</c>, an application's own) mean nothing to the log and are kept.</remarks>
internal static class StreamMetadataJson
{
    /// <summary>The type of a record of metadata.</summary>
    public const string RecordType = "$metadata";

    private const string MaxAge = "$maxAge";
    private const string MaxCount = "$maxCount";
    private const string TruncateBefore = "$tb";

    /// <summary>The bounds that a record of metadata sets; what is no such object, or no such number, bounds
    /// nothing.</summary>
    public static StreamMetadata Read(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                return new StreamMetadata();
            var seconds = Number(document.RootElement, MaxAge, 1);
            return new StreamMetadata(
                seconds is { } age && age <= TimeSpan.MaxValue.Ticks / TimeSpan.TicksPerSecond
                    ? TimeSpan.FromSeconds(age)
                    : null,
                Number(document.RootElement, MaxCount, 1),
                Number(document.RootElement, TruncateBefore, 0));
        }
        catch (JsonException)
        {
            return new StreamMetadata();
        }
    }

    /// <summary>The record that sets bounds and leaves the other members of <paramref name="current"/> as they are;
    /// null when they are set already.</summary>
    /// <param name="stream">The stream that is bounded.</param>
    /// <param name="metadata">Its new bounds.</param>
    /// <param name="revision">The revision that the record is to get: the same change made again later is another
    /// record.</param>
    /// <param name="current">What the last record of metadata says; empty for none.</param>
    public static NewRecord? Change(
        StreamName stream, StreamMetadata metadata, long revision, ReadOnlyMemory<byte> current)
    {
        var json = new ArrayBufferWriter<byte>(64);
        Write(metadata, current, json);
        if (json.WrittenSpan.SequenceEqual(current.Span) || (current.IsEmpty && metadata == new StreamMetadata()))
            return null;
        var source = Encoding.UTF8.GetBytes($"{stream.Value} {revision} ");
        var hash = SHA256.HashData([.. source, .. json.WrittenSpan]);
        return new NewRecord(new Guid(hash.AsSpan(0, 16)), RecordType, json.WrittenMemory, ReadOnlyMemory<byte>.Empty);
    }

    private static void Write(StreamMetadata metadata, ReadOnlyMemory<byte> current, IBufferWriter<byte> output)
    {
        using var writer = new Utf8JsonWriter(output);
        writer.WriteStartObject();
        if (metadata.MaxAge is { } age)
            writer.WriteNumber(MaxAge, (long)Math.Ceiling(age.TotalSeconds));
        if (metadata.MaxCount is { } count)
            writer.WriteNumber(MaxCount, count);
        if (metadata.TruncateBefore is { } first)
            writer.WriteNumber(TruncateBefore, first);
        if (!current.IsEmpty)
            WriteOthers(writer, current);
        writer.WriteEndObject();
    }

    private static void WriteOthers(Utf8JsonWriter writer, ReadOnlyMemory<byte> current)
    {
        try
        {
            using var document = JsonDocument.Parse(current);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                return;
            foreach (var member in document.RootElement.EnumerateObject())
            {
                if (member.Name is not (MaxAge or MaxCount or TruncateBefore))
                    member.WriteTo(writer);
            }
        }
        catch (JsonException)
        {
            // What was no metadata before is replaced.
        }
    }

    private static long? Number(JsonElement json, string name, long min) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number
        && value.TryGetInt64(out var number) && number >= min
            ? number
            : null;
}
