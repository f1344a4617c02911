using Matrix.EventSourced.EventStore.Gateway;

namespace Matrix.EventSourced.EventStore.Tests.Gateway;

public sealed class Room_of_a_call
{
    [Fact]
    public async Task is_bounded_by_count_and_by_bytes()
    {
        var inFlight = new InFlight(countMax: 2, bytesMax: 10);
        await inFlight.EnterAsync(4, CancellationToken.None);
        var tooManyBytes = inFlight.EnterAsync(7, CancellationToken.None).AsTask();
        Assert.False(tooManyBytes.IsCompleted);

        inFlight.Leave(4);
        await tooManyBytes;
        await inFlight.EnterAsync(1, CancellationToken.None);
        var tooMany = inFlight.EnterAsync(1, CancellationToken.None).AsTask();
        Assert.False(tooMany.IsCompleted);
        inFlight.Leave(7);
        await tooMany;
    }

    [Fact]
    public async Task lets_through_what_is_larger_than_itself_when_nothing_else_is_there()
    {
        var inFlight = new InFlight(countMax: 2, bytesMax: 10);

        await inFlight.EnterAsync(11, CancellationToken.None);

        var next = inFlight.EnterAsync(0, CancellationToken.None).AsTask();
        Assert.False(next.IsCompleted);
        inFlight.Leave(11);
        await next;
    }

    [Fact]
    public async Task is_empty_when_all_have_left()
    {
        var inFlight = new InFlight(countMax: 9, bytesMax: 99);
        await inFlight.DrainAsync(CancellationToken.None);
        await inFlight.EnterAsync(1, CancellationToken.None);
        await inFlight.EnterAsync(1, CancellationToken.None);
        var drained = inFlight.DrainAsync(CancellationToken.None).AsTask();

        inFlight.Leave(1);
        Assert.False(drained.IsCompleted);
        inFlight.Leave(1);

        await drained;
    }

    [Fact]
    public async Task waits_no_longer_than_its_call()
    {
        using var cancel = new CancellationTokenSource();
        var inFlight = new InFlight(countMax: 1, bytesMax: 1);
        await inFlight.EnterAsync(1, CancellationToken.None);
        var waiting = inFlight.EnterAsync(1, cancel.Token).AsTask();

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }
}
