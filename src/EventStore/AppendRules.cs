namespace Matrix.EventSourced.EventStore;

/// <summary>What every engine asks of an append before it looks at the stream.</summary>
internal static class AppendRules
{
    public static void Check(IReadOnlyList<NewRecord> records)
    {
        ArgumentNullException.ThrowIfNull(records);
        if (records.Count == 0)
            throw new ArgumentException("An append holds at least one record.", nameof(records));
        for (var i = 0; i < records.Count; i++)
        {
            CheckOne(records[i]);
            for (var earlier = 0; earlier < i; earlier++)
            {
                if (records[earlier].RecordId == records[i].RecordId)
                    throw new ArgumentException("Two records of one append have the same record id.", nameof(records));
            }
        }
    }

    private static void CheckOne(NewRecord record)
    {
        ArgumentException.ThrowIfNullOrEmpty(record.Type, nameof(record));
        if ((long)record.Data.Length + record.Metadata.Length > EventStoreLimits.RecordBytesMax)
        {
            throw new ArgumentException(
                $"A record holds at most {EventStoreLimits.RecordBytesMax} bytes of data and metadata.",
                nameof(record));
        }
    }
}
