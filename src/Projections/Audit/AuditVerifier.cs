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
///   media ─► the bytes that the log names, each hash       (MediaVerifier)
///   state nodes ─► each hash, every root complete          (StateNodeVerifier)
///   tables ─► equal to a replay of the log, row by row     (ProjectionHost.VerifyAsync)
/// </code>
/// Shape: a JSON object per finding, others that tell people who wait how far it is, and a last one with what was
/// looked at. Works on a running server and on a stopped
/// one. Cost: one pass over the log, one over the nodes, and a rebuild of every projection.
/// </remarks>
public sealed class AuditVerifier(
    IEventReader log,
    NpgsqlDataSource database,
    ProjectionHost projections,
    IAuditedKeys keys,
    IAuditedBlobs blobs,
    TimeProvider time)
{
    /// <summary>LIMIT: characters of a column that a finding quotes. Ours: enough to see which row it is.</summary>
    private const int ColumnQuotedMax = 60;

    private static readonly TimeSpan SayEvery = TimeSpan.FromSeconds(2);

    /// <param name="isLogOnly">Leaves out media, state nodes and tables.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> RunAsync(
        bool isLogOnly, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using var held = blobs.HoldDeletions();
        var findings = 0;
        var media = new MediaVerifier(blobs);
        var logVerifier = new LogVerifier(keys, media, time);
        // A restored log has no tables before its first start; a replay would only be compared with itself.
        var hasTables = !isLogOnly
            && (projections.Status.Any(status => status.Schema is not null) || projections.NotComparable.Length > 0);
        await foreach (var step in CheckAllAsync(logVerifier, media, isLogOnly, hasTables, cancellationToken))
        {
            if (step.Finding is not null)
                findings++;
            yield return AuditReader.Line(step.Write);
        }
        yield return AuditReader.Line(json => WriteSummary(json, logVerifier, media, hasTables, findings));
    }

    private async IAsyncEnumerable<Step> CheckAllAsync(
        LogVerifier logVerifier,
        MediaVerifier media,
        bool isLogOnly,
        bool hasTables,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var step in CheckLogAsync(logVerifier, cancellationToken))
            yield return step;
        if (!isLogOnly)
        {
            yield return Step.Progress("checking the bytes of media");
            await foreach (var finding in media.CheckAsync(cancellationToken))
                yield return Step.Found(finding);
        }
        if (!isLogOnly && !hasTables)
            yield return Step.Progress("there are no tables yet: only the log was checked");
        if (!hasTables)
            yield break;
        foreach (var reason in projections.NotComparable)
            yield return Step.Found(new("tables", reason));
        if (projections.NotComparable.Length > 0)
            yield break;
        yield return Step.Progress("checking the state nodes");
        await foreach (var finding in new StateNodeVerifier(database).CheckAsync(logVerifier.Roots, cancellationToken))
            yield return Step.Found(finding);
        foreach (var projection in projections.Names)
        {
            // Without this, a projection that lost its tables would count as one that is sound.
            if (projections.Status.Single(one => one.Projection == projection).Schema is null)
                yield return Step.Found(new($"projection {projection}", "it has no tables, while others have"));
            await foreach (var step in CheckTablesAsync(projection, cancellationToken))
                yield return step;
        }
    }

    private async IAsyncEnumerable<Step> CheckLogAsync(
        LogVerifier verifier, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var head = await log.ReadHeadAsync(cancellationToken);
        yield return Step.Progress($"checking the log up to {head}");
        var records = log.ReadAllAsync(
            LogPosition.Start, ReadDirection.Forwards, long.MaxValue, cancellationToken: cancellationToken);
        var saidAt = time.GetTimestamp();
        await foreach (var record in records)
        {
            if (record.Position > head)
                break;
            foreach (var finding in await verifier.CheckAsync(record))
                yield return Step.Found(finding);
            if (time.GetElapsedTime(saidAt) < SayEvery)
                continue;
            saidAt = time.GetTimestamp();
            yield return Step.Progress($"checking the log: {100.0 * record.Position.Value / head.Value:0} %");
        }
        foreach (var finding in verifier.Finish())
            yield return Step.Found(finding);
    }

    private async IAsyncEnumerable<Step> CheckTablesAsync(
        string projection, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        yield return Step.Progress($"replaying {projection} to compare its tables");
        await using var differences = projections.VerifyAsync(projection, cancellationToken)
            .GetAsyncEnumerator(cancellationToken);
        while (true)
        {
            var move = MoveNextAsync(differences).AsTask();
            while (await Task.WhenAny(move, Task.Delay(SayEvery, time, CancellationToken.None)) != move)
            {
                var status = projections.Status.Single(one => one.Projection == projection);
                yield return Step.Progress(status.Rebuild is { } replay
                    ? $"replaying {projection}: {replay.Percent:0} %, {replay.FactsPerSecond:0} facts/s"
                    : $"comparing the tables of {projection}");
            }
            var (hasNext, stopped) = await move;
            if (stopped is not null)
            {
                yield return Step.Found(
                    new($"projection {projection}", $"the log cannot be replayed into it: {stopped}"));
            }
            if (!hasNext)
                yield break;
            yield return Step.Found(ToFinding(projection, differences.Current));
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

    private static void WriteSummary(
        Utf8JsonWriter json, LogVerifier verifier, MediaVerifier media, bool hasTables, int findings)
    {
        json.WriteStartObject();
        json.WriteBoolean("ok", findings == 0);
        json.WriteNumber("findings", findings);
        json.WriteNumber("facts", verifier.RecordCount);
        json.WriteNumber("state_roots", verifier.Roots.Count);
        json.WriteNumber("blobs", media.BlobCount);
        json.WriteBoolean("tables_checked", hasTables);
        json.WriteEndObject();
    }

    /// <summary>Something that was found, or how far it is.</summary>
    private sealed record Step(Finding? Finding, string? Text)
    {
        public static Step Found(Finding finding) => new(finding, null);

        public static Step Progress(string text) => new(null, text);

        public void Write(Utf8JsonWriter json)
        {
            if (Finding is not null)
            {
                Finding.Write(json);
                return;
            }
            json.WriteStartObject();
            json.WriteString("progress", Text);
            json.WriteEndObject();
        }
    }
}
