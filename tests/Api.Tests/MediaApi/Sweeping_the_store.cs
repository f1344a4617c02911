using System.Net.Sockets;
using System.Text;
using Matrix.EventSourced.Api.MediaApi;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Media.Blobs;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using static Matrix.EventSourced.Api.Tests.MediaApi.MediaCalls;

namespace Matrix.EventSourced.Api.Tests.MediaApi;

/// <summary>Bytes that no fact names go, and no others.</summary>
public sealed class Sweeping_the_store : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.FromUnixTimeMilliseconds(1_767_225_600_000));
    private TestHomeserver _server = null!;
    private TestUser _alice = null!;

    private IBlobStore Blobs => _server.Services.GetRequiredService<IBlobStore>();

    private MediaSweep Sweep => _server.Services.GetRequiredService<MediaSweep>();

    public async Task InitializeAsync()
    {
        _server = await TestHomeserver.StartAsync(new TestHomeserverOptions
        {
            Time = _time,
            Services = MediaServer.WithoutSweeps,
        });
        _alice = await _server.RegisterAsync("alice");
        // What sweeps makes the store, and is not there.
        Assert.Empty(Blobs.All());
    }

    public Task DisposeAsync() => _server.DisposeAsync().AsTask();

    /// <summary>A crash after the bytes are durable and before the fact is leaves exactly this.</summary>
    [Fact]
    public async Task removes_what_a_crash_left_and_keeps_what_is_named()
    {
        var named = await PutAsync(_server, _alice, Utf8("named"));
        var lost = await KeepAsync("lost");
        await _server.RestartAsync();
        Assert.Equal(2, BlobCount(_server));

        // Young bytes may be about to be named.
        Assert.Equal((0, 0), await Sweep.RunAsync(CancellationToken.None));
        _time.Advance(TimeSpan.FromHours(2));
        Assert.Equal((0, 1), await Sweep.RunAsync(CancellationToken.None));
        Assert.Null(Blobs.SizeOf(lost));
        Assert.Equal("named", (await GetAsync(_server, Download(named), _alice.Token)).Is(200).Text);
    }

    [Fact]
    public async Task leaves_what_is_stored_again_just_then()
    {
        var blob = await KeepAsync("again");
        _time.Advance(TimeSpan.FromHours(2));
        var before = _time.GetUtcNow();
        Assert.Equal(blob, await KeepAsync("again"));
        Assert.False(Blobs.DeleteUnused(blob, before));
        Assert.Equal((0, 0), await Sweep.RunAsync(CancellationToken.None));
        Assert.Equal(5, Blobs.SizeOf(blob));
    }

    [Fact]
    public async Task waits_for_who_copies_what_is_there()
    {
        await KeepAsync("held");
        _time.Advance(TimeSpan.FromHours(2));
        using (Blobs.HoldDeletions())
        {
            Assert.Equal((0, 0), await Sweep.RunAsync(CancellationToken.None));
        }
        Assert.Equal((0, 1), await Sweep.RunAsync(CancellationToken.None));
    }

    [Fact]
    public async Task drafts_of_uploads_that_broke_off_are_gone_at_once()
    {
        var drafts = Path.Combine(_server.DataFolder, "media", "drafts");
        using (var socket = new TcpClient())
        {
            await socket.ConnectAsync(_server.Address.Host, _server.Address.Port);
            var stream = socket.GetStream();
            await stream.WriteAsync(Encoding.ASCII.GetBytes(
                $"POST /_matrix/media/v3/upload HTTP/1.1\r\nHost: hs\r\nAuthorization: Bearer {_alice.Token}\r\nContent-Length: 1000000\r\n\r\n"));
            await stream.WriteAsync(new byte[300_000]);
            await UntilAsync(() => Directory.GetFiles(drafts).Length == 1);
        }
        await UntilAsync(() => Directory.GetFiles(drafts).Length == 0);
        Assert.Equal(0, BlobCount(_server));
    }

    [Fact]
    public async Task what_was_being_written_when_the_server_died_is_gone_after_its_start()
    {
        var draft = Path.Combine(_server.DataFolder, "media", "drafts", "77");
        await File.WriteAllTextAsync(draft, "half");
        await _server.RestartAsync();
        await PutAsync(_server, _alice, [1]);
        Assert.False(File.Exists(draft));
    }

    private async Task<BlobId> KeepAsync(string text)
    {
        await using var draft = Blobs.BeginDraft();
        await draft.WriteAsync(Utf8(text), CancellationToken.None);
        return await draft.KeepAsync();
    }

    /// <summary>Waits for what another thread is about to do.</summary>
    private static async Task UntilAsync(Func<bool> isSo)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!isSo())
        {
            patience.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }
}
