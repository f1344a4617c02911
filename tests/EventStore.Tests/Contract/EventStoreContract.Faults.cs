namespace Matrix.EventSourced.EventStore.Tests.Contract;

public abstract partial class EventStoreContract
{
    private sealed class InjectedFault(string operation) : Exception($"Injected at: {operation}");

    /// <summary>
    /// Fails the first operation, then the second, and so on until a run needs no failure any more. After each: what
    /// was acknowledged is there, what was not is there whole or not at all, and the same append again ends in exactly
    /// one copy.
    /// </summary>
    [Fact]
    public async Task whatever_operation_fails_nothing_acknowledged_is_lost_and_nothing_is_there_twice()
    {
        var failAt = 1;
        while (await FailsAtAsync(failAt))
            failAt++;
        Assert.True(failAt > 3, "The engine announces its operations.");
    }

    /// <summary>Runs the script with one failure; false when the script ended before that operation. An engine may
    /// mend the failure by itself, so that nobody hears of it.</summary>
    private async Task<bool> FailsAtAsync(int failAt)
    {
        await Engine.CloseAsync(Store);
        var operations = 0;
        var isArmed = true;
        var store = await Engine.OpenAsync(operation =>
        {
            if (isArmed && ++operations == failAt)
                throw new InjectedFault(operation);
        });
        var stream = new StreamName("room", $"!{failAt}:hs");
        var appends = new[] { Records(1), Records(3), Records(2) };
        var acknowledged = new bool[appends.Length];
        for (var n = 0; n < appends.Length; n++)
        {
            var append = appends[n];
            acknowledged[n] = await TryAsync(() => store.AppendAsync(stream, ExpectedRevision.Any, append));
        }
        await TryAsync(() => SetBoundsAsync(store, stream));
        await Engine.CloseAsync(store);
        isArmed = false;

        // An engine that forgets everything when it closes is looked at as it is.
        Store = Engine.IsPersistent ? await Engine.OpenAsync() : store;
        var before = await ReadStreamAsync(stream);
        for (var n = 0; n < appends.Length; n++)
        {
            var present = before.Count(record => appends[n].Any(append => append.RecordId == record.RecordId));
            Assert.True(
                present == appends[n].Length || (present == 0 && !acknowledged[n]), $"fault {failAt}, append {n}");
        }
        foreach (var append in appends)
            Assert.IsType<AppendResult.Appended>(await Store.AppendAsync(stream, ExpectedRevision.Any, append));
        var after = await ReadStreamAsync(stream);
        AssertRevisions(after, 0, 1, 2, 3, 4, 5);
        Assert.Equal(6, after.Select(record => record.RecordId).Distinct().Count());
        return operations >= failAt;
    }

    private static async ValueTask<AppendResult> SetBoundsAsync(IEventStore store, StreamName stream)
    {
        await store.SetStreamMetadataAsync(stream, new StreamMetadata(MaxCount: 100));
        return new AppendResult.Conflict(null);
    }

    /// <summary>Awaits a write; says whether it was acknowledged.</summary>
    private static async Task<bool> TryAsync(Func<ValueTask<AppendResult>> write)
    {
        try
        {
            return await write() is AppendResult.Appended;
        }
        catch (EventStoreException)
        {
            return false;
        }
    }
}
