using System.Globalization;
using Matrix.EventSourced.EventStore;

namespace Matrix.EventSourced.Projections.Hosting;

/// <summary>Finds out whether rows came from the log that is open now.</summary>
/// <remarks>
/// Record ids are random, so one record that stands at its remembered position with its remembered id proves the log.
/// Records may be gone for good reasons (a bounded stream), so an absent one proves nothing; another id at the same
/// position, or a checkpoint beyond the head, proves another log: emptied, restored from an older backup, or exchanged.
/// </remarks>
internal static class LogIdentity
{
    /// <summary>Why the rows cannot be from this log; null when they are.</summary>
    public static async Task<string?> FindMismatchAsync(
        IEventReader log,
        IReadOnlyList<Checkpoint> checkpoints,
        LogWitness? first,
        CancellationToken cancellationToken)
    {
        var head = await log.ReadHeadAsync(cancellationToken);
        foreach (var checkpoint in checkpoints)
        {
            if (checkpoint.Position > head)
                return Text($"{checkpoint.Schema} stands at {checkpoint.Position}, the log ends at {head}");
        }
        foreach (var checkpoint in checkpoints)
        {
            if (checkpoint.Witness is { } witness && await DiffersAsync(log, witness, cancellationToken))
                return Text($"record {witness.Position}, the last one behind {checkpoint.Schema}, is a different one");
        }
        if (first is { } remembered && await DiffersAsync(log, remembered, cancellationToken))
            return Text($"record {remembered.Position}, the first one, is a different one");
        return null;
    }

    /// <summary>The first record that the log still shows; null when it shows none.</summary>
    public static async Task<LogWitness?> ReadFirstAsync(IEventReader log, CancellationToken cancellationToken)
    {
        await foreach (var record in log.ReadAllAsync(
            LogPosition.Start, ReadDirection.Forwards, 1, cancellationToken: cancellationToken))
            return new LogWitness(record.Position, record.RecordId);
        return null;
    }

    private static async Task<bool> DiffersAsync(
        IEventReader log,
        LogWitness witness,
        CancellationToken cancellationToken)
    {
        await foreach (var record in log.ReadAllAsync(
            witness.Position, ReadDirection.Backwards, 1, cancellationToken: cancellationToken))
            return record.Position == witness.Position && record.RecordId != witness.RecordId;
        return false;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
