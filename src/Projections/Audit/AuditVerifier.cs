using System.Runtime.CompilerServices;
using System.Text.Json;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Projections.Hosting;
using Npgsql;

namespace Matrix.EventSourced.Projections.Audit;

/// <summary>Proves that log, state nodes and tables are what they must be, or names each place where they are
/// not.</summary>
/// <remarks>
/// <code>
///   log ─► each record, each PDU, each state root          (LogVerifier)
///   state nodes ─► each hash, every root complete          (StateNodeVerifier)
///   tables ─► equal to a replay of the log, row by row     (ProjectionHost.VerifyAsync)
/// </code>
/// Shape: a JSON object per finding, and a last one with what was looked at. Works on a running server and on a stopped
/// one. Cost: one pass over the log, one over the nodes, and a rebuild of every projection.
/// </remarks>
public sealed class AuditVerifier(
    IEventReader log, NpgsqlDataSource database, ProjectionHost projections, IAuditedKeys keys, TimeProvider time)
{
    /// <summary>LIMIT: characters of a column that a finding quotes. Ours: enough to see which row it is.</summary>
    private const int ColumnQuotedMax = 60;

    /// <param name="isLogOnly">Leaves out state nodes and tables.</param>
    /// <param name="progress">Told what goes on, for people who wait.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> RunAsync(
        bool isLogOnly,
        Action<string> progress,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var findings = 0;
        var logVerifier = new LogVerifier(keys, time);
        await foreach (var finding in CheckLogAsync(logVerifier, progress, cancellationToken))
        {
            findings++;
            yield return AuditReader.Line(finding.Write);
        }
        // A restored log has no tables before its first start; a replay would only be compared with itself.
        var hasTables = !isLogOnly && projections.Status.Any(status => status.Schema is not null);
        if (!isLogOnly && !hasTables)
            progress("there are no tables yet: only the log is checked");
        if (hasTables)
        {
            progress("checking the state nodes");
            var nodes = new StateNodeVerifier(database).CheckAsync(logVerifier.Roots, cancellationToken);
            await foreach (var finding in nodes)
            {
                findings++;
                yield return AuditReader.Line(finding.Write);
            }
            await foreach (var finding in CheckTablesAsync(progress, cancellationToken))
            {
                findings++;
                yield return AuditReader.Line(finding.Write);
            }
        }
        yield return AuditReader.Line(json => WriteSummary(json, logVerifier, hasTables, findings));
    }

    private async IAsyncEnumerable<Finding> CheckLogAsync(
        LogVerifier verifier, Action<string> progress, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var head = await log.ReadHeadAsync(cancellationToken);
        progress($"checking the log up to {head}");
        var records = log.ReadAllAsync(
            LogPosition.Start, ReadDirection.Forwards, long.MaxValue, cancellationToken);
        var saidAt = time.GetTimestamp();
        await foreach (var record in records)
        {
            if (record.Position > head)
                break;
            foreach (var finding in await verifier.CheckAsync(record))
                yield return finding;
            if (time.GetElapsedTime(saidAt) < TimeSpan.FromSeconds(2))
                continue;
            saidAt = time.GetTimestamp();
            progress($"checking the log: {100.0 * record.Position.Value / head.Value:0} %");
        }
        foreach (var finding in verifier.Finish())
            yield return finding;
    }

    private async IAsyncEnumerable<Finding> CheckTablesAsync(
        Action<string> progress, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var projection in projections.Names)
        {
            progress($"replaying {projection} to compare its tables");
            var differences = projections.VerifyAsync(projection, cancellationToken)
                .GetAsyncEnumerator(cancellationToken);
            await using (differences)
            {
                while (true)
                {
                    var (hasNext, stopped) = await MoveNextAsync(differences);
                    if (stopped is not null)
                        yield return new($"projection {projection}", $"the log cannot be replayed into it: {stopped}");
                    if (!hasNext)
                        break;
                    yield return ToFinding(projection, differences.Current);
                }
            }
        }
    }

    private static async ValueTask<(bool HasNext, string? Stopped)> MoveNextAsync(
        IAsyncEnumerator<RowDifference> differences)
    {
        try
        {
            return (await differences.MoveNextAsync(), null);
        }
        catch (ProjectionStoppedException problem)
        {
            return (false, problem.Message);
        }
    }

    private static Finding ToFinding(string projection, RowDifference difference)
    {
        var columns = JsonElement.Parse(difference.Row).EnumerateObject()
            .OrderBy(column => column.Name, StringComparer.Ordinal)
            .Select(column => $"{column.Name}={Quote(column.Value.ToString())}");
        return new(
            $"table {projection}.{difference.Table}, row {string.Join(' ', columns)}",
            difference.IsInLive ? "the log does not make this row" : "the log makes this row, the table lacks it");
    }

    private static string Quote(string value) =>
        value.Length <= ColumnQuotedMax ? value : value[..ColumnQuotedMax] + "…";

    private static void WriteSummary(Utf8JsonWriter json, LogVerifier verifier, bool hasTables, int findings)
    {
        json.WriteStartObject();
        json.WriteBoolean("ok", findings == 0);
        json.WriteNumber("findings", findings);
        json.WriteNumber("facts", verifier.RecordCount);
        json.WriteNumber("state_roots", verifier.Roots.Count);
        json.WriteBoolean("tables_checked", hasTables);
        json.WriteEndObject();
    }
}
