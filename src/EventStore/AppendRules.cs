namespace Matrix.EventSourced.EventStore;

/// <summary>What every engine asks of an append before it looks at the stream.</summary>
internal static class AppendRules
{
    /// <summary>From so many records on a set of ids is cheaper than comparing each with each.</summary>
    private const int FewRecords = 16;

    public static void Check(IReadOnlyList<NewRecord> records)
    {
        ArgumentNullException.ThrowIfNull(records);
        if (records.Count == 0)
            throw new ArgumentException("An append holds at least one record.", nameof(records));
        var bytes = 0L;
        for (var i = 0; i < records.Count; i++)
        {
            ArgumentException.ThrowIfNullOrEmpty(records[i].Type, nameof(records));
            bytes += (long)records[i].Data.Length + records[i].Metadata.Length;
        }
        if (bytes > EventStoreLimits.AppendBytesMax)
        {
            throw new ArgumentException(
                $"An append holds at most {EventStoreLimits.AppendBytesMax} bytes of data and metadata.",
                nameof(records));
        }
        if (records.Count <= FewRecords ? HasSameIdsAmongFew(records) : HasSameIds(records))
            throw new ArgumentException("Two records of one append have the same record id.", nameof(records));
    }

    private static bool HasSameIdsAmongFew(IReadOnlyList<NewRecord> records)
    {
        for (var i = 1; i < records.Count; i++)
        {
            for (var earlier = 0; earlier < i; earlier++)
            {
                if (records[earlier].RecordId == records[i].RecordId)
                    return true;
            }
        }
        return false;
    }

    private static bool HasSameIds(IReadOnlyList<NewRecord> records)
    {
        var ids = new HashSet<Guid>(records.Count);
        for (var i = 0; i < records.Count; i++)
        {
            if (!ids.Add(records[i].RecordId))
                return true;
        }
        return false;
    }
}
