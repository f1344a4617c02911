using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Matrix.EventSourced.Benchmarks.Load;

/// <summary>The table and the JSON of a run.</summary>
internal sealed class Report(LoadOptions options, DateTimeOffset startedAt)
{
    private const double Mebibyte = 1024 * 1024;

    private readonly List<LoadRow> _rows = [];

    /// <summary>Memory before the first workload and after the last.</summary>
    public ProcessSample Before { get; set; }

    public ProcessSample After { get; set; }

    public static string Header =>
        $"{"operation",-36}{"n",8}{"errors",8}{"rate/s",10}{"p50 ms",9}{"p95 ms",9}{"p99 ms",9}{"max ms",9}"
        + $"{"server",9}{"others",9}{"driver",9}   (CPU ms/op)";

    public string Add(LoadRow row)
    {
        _rows.Add(row);
        var line = string.Create(CultureInfo.InvariantCulture, $"{row.Operation,-36}{row.Count,8}{row.Errors,8}")
            + Cell(row.RatePerSecond, "0.0", 10) + Cell(
                row.P50, "0.00", 9) + Cell(row.P95, "0.00", 9) + Cell(row.P99, "0.00", 9)
            + Cell(row.Max, "0.0", 9) + Cell(row.ServerCpu, "0.000", 9) + Cell(row.OthersCpu, "0.000", 9)
            + Cell(row.DriverCpu, "0.000", 9);
        return row.Errors == 0 ? line : $"{line}   {row.ErrorText}";
    }

    public string MemoryLine() => string.Create(
        CultureInfo.InvariantCulture,
        $"memory MiB: server {Before.ServerBytes / Mebibyte:0} before, {After.ServerBytes / Mebibyte:0} after; "
        + $"others {Before.OthersBytes / Mebibyte:0} before, {After.OthersBytes / Mebibyte:0} after");

    public byte[] ToJson()
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("label", options.Label);
            json.WriteString("url", options.Url.ToString());
            json.WriteString("started_at", startedAt);
            json.WriteNumber("cores", Environment.ProcessorCount);
            json.WriteNumber("measured_seconds", options.Measured.TotalSeconds);
            WriteMemory(json, "memory_before", Before);
            WriteMemory(json, "memory_after", After);
            json.WriteStartArray("rows");
            foreach (var row in _rows)
                WriteRow(json, row);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return buffer.ToArray();
    }

    private static void WriteMemory(Utf8JsonWriter json, string name, ProcessSample sample)
    {
        json.WriteStartObject(name);
        json.WriteNumber("server_bytes", sample.ServerBytes);
        json.WriteNumber("others_bytes", sample.OthersBytes);
        json.WriteEndObject();
    }

    private static void WriteRow(Utf8JsonWriter json, LoadRow row)
    {
        json.WriteStartObject();
        json.WriteString("operation", row.Operation);
        json.WriteNumber("count", row.Count);
        json.WriteNumber("errors", row.Errors);
        Number("rate_per_second", row.RatePerSecond);
        Number("p50_ms", row.P50);
        Number("p95_ms", row.P95);
        Number("p99_ms", row.P99);
        Number("max_ms", row.Max);
        Number("server_cpu_ms_per_op", row.ServerCpu);
        Number("others_cpu_ms_per_op", row.OthersCpu);
        Number("driver_cpu_ms_per_op", row.DriverCpu);
        json.WriteEndObject();

        void Number(string name, double value)
        {
            if (double.IsFinite(value))
                json.WriteNumber(name, Math.Round(value, 4));
            else
                json.WriteNull(name);
        }
    }

    private static string Cell(double value, string format, int width) =>
        (double.IsFinite(value) ? value.ToString(format, CultureInfo.InvariantCulture) : "-").PadLeft(width);
}
