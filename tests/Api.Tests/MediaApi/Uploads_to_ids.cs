using Matrix.EventSourced.Kit.Hosting;
using Microsoft.Extensions.Time.Testing;
using static Matrix.EventSourced.Api.Tests.MediaApi.MediaCalls;

namespace Matrix.EventSourced.Api.Tests.MediaApi;

/// <summary>Ids that are given out before their content comes.</summary>
public sealed class Uploads_to_ids : IAsyncLifetime
{
    private readonly WatchedTime _time = new(DateTimeOffset.FromUnixTimeMilliseconds(1_767_225_600_000));
    private TestHomeserver _server = null!;
    private TestUser _alice = null!;
    private TestUser _bob = null!;

    public async Task InitializeAsync()
    {
        _server = await TestHomeserver.StartAsync(new TestHomeserverOptions
        {
            Time = _time,
            Configure = config => config with
            {
                Media = config.Media with { PendingMax = 3, PendingLifetime = TimeSpan.FromHours(2), QuotaBytes = 1_000 },
            },
        });
        _alice = await _server.RegisterAsync("alice");
        _bob = await _server.RegisterAsync("bob");
    }

    public Task DisposeAsync() => _server.DisposeAsync().AsTask();

    [Fact]
    public async Task say_when_they_expire_and_do()
    {
        var made = (await _alice.PostAsync("/_matrix/media/v1/create")).Ok();
        Assert.Equal(
            _time.GetUtcNow().AddHours(2).ToUnixTimeMilliseconds(), made.GetProperty("unused_expires_at").GetInt64());
        var uri = await CreateAsync(_alice);
        (await GetAsync(_server, Download(uri, "?timeout_ms=0"), _bob.Token)).Refused(504, "M_NOT_YET_UPLOADED");
        _time.Advance(TimeSpan.FromHours(2));
        (await GetAsync(_server, Download(uri), _bob.Token)).Refused(404, "M_NOT_FOUND");
        (await UploadAsync(_server, _alice, [1], target: Upload(uri))).Refused(404, "M_NOT_FOUND");
    }

    [Fact]
    public async Task are_filled_once_by_whom_they_were_given_to()
    {
        var uri = await CreateAsync(_alice);
        (await UploadAsync(_server, _bob, [1], target: Upload(uri))).Refused(403, "M_FORBIDDEN");
        (await UploadAsync(_server, _alice, [1], target: Upload(uri) + "x")).Refused(404, "M_NOT_FOUND");
        (await UploadAsync(_server, _alice, [1], target: $"/_matrix/media/v3/upload/other/{uri.MediaId}")).Refused(404, "M_NOT_FOUND");
        var filled = (await UploadAsync(_server, _alice, Utf8("one"), "text/css", "a.css", Upload(uri))).Is(200);
        Assert.Equal("{}", filled.Text);
        (await UploadAsync(_server, _alice, Utf8("two"), target: Upload(uri))).Refused(409, "M_CANNOT_OVERWRITE_MEDIA");
        var reply = (await GetAsync(_server, Download(uri), _bob.Token)).Is(200);
        Assert.Equal(("one", "inline; filename=\"a.css\""), (reply.Text, reply["Content-Disposition"]));
        // What was uploaded at once was given out by nobody.
        var direct = await PutAsync(_server, _alice, [1]);
        (await UploadAsync(_server, _alice, [2], target: Upload(direct))).Refused(409, "M_CANNOT_OVERWRITE_MEDIA");
        (await UploadAsync(_server, _bob, [2], target: Upload(direct))).Refused(403, "M_FORBIDDEN");
    }

    [Fact]
    public async Task wake_those_who_wait()
    {
        var uri = await CreateAsync(_alice);
        var all = _time.WaitsAsync(TimeSpan.FromSeconds(40), 5);
        var waiting = Enumerable.Range(0, 5)
            .Select(_ => GetAsync(_server, Download(uri, "?timeout_ms=40000"), _bob.Token)).ToList();
        await all;
        (await UploadAsync(_server, _alice, Utf8("here"), target: Upload(uri))).Is(200);
        foreach (var reply in await Task.WhenAll(waiting))
            Assert.Equal("here", reply.Is(200).Text);
    }

    [Fact]
    public async Task make_those_who_wait_too_long_try_again()
    {
        var uri = await CreateAsync(_alice);
        var begun = _time.WaitsAsync(TimeSpan.FromSeconds(33), 1);
        var waiting = GetAsync(_server, Download(uri, "?timeout_ms=33000"), _bob.Token);
        await begun;
        _time.Advance(TimeSpan.FromSeconds(33));
        (await waiting).Refused(504, "M_NOT_YET_UPLOADED");
    }

    [Fact]
    public async Task are_bounded_for_each_user()
    {
        var first = await CreateAsync(_alice);
        await CreateAsync(_alice);
        await CreateAsync(_alice);
        (await _alice.PostAsync("/_matrix/media/v1/create")).Refused(429, "M_LIMIT_EXCEEDED");
        await CreateAsync(_bob);
        (await UploadAsync(_server, _alice, [1], target: Upload(first))).Is(200);
        await CreateAsync(_alice);
        (await _alice.PostAsync("/_matrix/media/v1/create")).Refused(429, "M_LIMIT_EXCEEDED");
        _time.Advance(TimeSpan.FromHours(2));
        await CreateAsync(_alice);
    }

    [Fact]
    public async Task count_for_the_quota_of_their_user()
    {
        await PutAsync(_server, _alice, new byte[600]);
        (await UploadAsync(_server, _alice, new byte[401])).Refused(403, "M_FORBIDDEN");
        (await UploadAsync(_server, _alice, new byte[401], isChunked: true)).Refused(403, "M_FORBIDDEN");
        await PutAsync(_server, _alice, new byte[400]);
        (await UploadAsync(_server, _alice, [])).Refused(403, "M_FORBIDDEN");
        (await _alice.PostAsync("/_matrix/media/v1/create")).Refused(403, "M_FORBIDDEN");
        await PutAsync(_server, _bob, new byte[1_000]);
    }

    /// <summary>Says when so many wait for so long.</summary>
    private sealed class WatchedTime(DateTimeOffset start) : FakeTimeProvider(start)
    {
        private readonly TaskCompletionSource _there = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private TimeSpan _awaited;
        private int _missing;

        public Task WaitsAsync(TimeSpan time, int count)
        {
            (_awaited, _missing) = (time, count);
            return _there.Task.WaitAsync(TimeSpan.FromSeconds(60));
        }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = base.CreateTimer(callback, state, dueTime, period);
            if (dueTime == _awaited && Interlocked.Decrement(ref _missing) == 0)
                _there.TrySetResult();
            return timer;
        }
    }
}
