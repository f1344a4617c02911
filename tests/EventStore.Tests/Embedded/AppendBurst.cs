using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Matrix.EventSourced.EventStore.Embedded;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.EventSourced.EventStore.Tests.Embedded;

/// <summary>The process that is killed: appends, and says on its standard output what was
/// acknowledged.</summary>
/// <remarks>Shape of a line: <c>writer n revision position</c>.</remarks>
internal static class AppendBurst
{
    public const string Command = "append-burst";
    public const int Writers = 16;

    /// <summary>The kill comes long before; a process whose killer is gone itself must end too.</summary>
    private const int RecordsPerWriterMax = 5000;

    public static StreamName StreamOf(int writer) => new("room", $"!{writer}:hs");

    public static NewRecord RecordOf(int writer, int n)
    {
        Span<byte> id = stackalloc byte[16];
        BinaryPrimitives.WriteInt32LittleEndian(id, writer);
        BinaryPrimitives.WriteInt32LittleEndian(id[8..], n);
        var data = Encoding.UTF8.GetBytes(
            $"{{\"writer\":{writer},\"n\":{n},\"padding\":\"{new string('x', 50 * (n % 40))}\"}}");
        return new NewRecord(new Guid(id), "test.happened.v1", data, "{}"u8.ToArray());
    }

    public static async Task RunAsync(string folder)
    {
        var store = await EmbeddedEventStore.OpenAsync(
            new EmbeddedOptions { Folder = folder }, TimeProvider.System, NullLogger.Instance);
        await using var output = Console.OpenStandardOutput();
        var outputLock = new Lock();
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(async writer =>
        {
            await Task.Yield();
            for (var n = 0; n < RecordsPerWriterMax; n++)
            {
                var result = await store.AppendAsync(StreamOf(writer), ExpectedRevision.Any, [RecordOf(writer, n)]);
                var appended = (AppendResult.Appended)result;
                var line = Encoding.ASCII.GetBytes(
                    string.Create(
                        CultureInfo.InvariantCulture, $"{writer} {n} {appended.Revision} {appended.Position}\n"));
                lock (outputLock)
                    output.Write(line);
            }
        }));
    }
}
