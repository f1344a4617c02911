using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Control;
using Matrix.EventSourced.Api.MediaApi;
using Matrix.EventSourced.Api.Tests.Audit;
using Matrix.EventSourced.Api.Tests.Federation;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using static Matrix.EventSourced.Api.Tests.MediaApi.MediaCalls;

namespace Matrix.EventSourced.Api.Tests.MediaApi;

/// <summary>What administrators do with media, and what they can rely on.</summary>
public sealed class Keeping_media : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mes-media-").FullName;
    private TestHomeserver _server = null!;
    private TestUser _alice = null!;

    public async Task InitializeAsync()
    {
        _server = await TestHomeserver.StartAsync();
        _alice = await _server.RegisterAsync("alice");
    }

    public async Task DisposeAsync()
    {
        await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task is_listed_quarantined_and_deleted_by_command()
    {
        var kept = await PutAsync(_server, _alice, Utf8("kept"));
        var gone = await PutAsync(_server, _alice, Utf8("gone"), fileName: "a\nb");
        var list = await AskAsync("list", _alice.UserId);
        Assert.Equal(
            new[] { gone.ToString(), kept.ToString() }.Order(), list.Select(line => JsonElement.Parse(line).Text("media")).Order());
        Assert.Equal("a\nb", JsonElement.Parse((await AskAsync("show", gone.ToString()))[0]).Text("file_name"));
        Assert.Contains("@alice:hs", (await AskAsync("usage"))[0], StringComparison.Ordinal);

        await AskAsync("quarantine", kept.ToString());
        (await GetAsync(_server, Download(kept), _alice.Token)).Refused(404, "M_NOT_FOUND");
        (await GetAsync(_server, Thumbnail(kept, "width=1&height=1"), _alice.Token)).Refused(404, "M_NOT_FOUND");
        await AskAsync("unquarantine", kept.ToString());
        (await GetAsync(_server, Download(kept), _alice.Token)).Is(200);

        await AskAsync("delete", gone.ToString());
        (await GetAsync(_server, Download(gone), _alice.Token)).Refused(404, "M_NOT_FOUND");
        Assert.Single(await AskAsync("list", _alice.UserId));
        Assert.Contains("M_NOT_FOUND", (await AskAsync("delete", gone.ToString()))[0], StringComparison.Ordinal);
        foreach (var words in (string[][])[["list", "nobody"], ["show", "mxc://hs"], ["purge-remote", "soon"], ["fly"], []])
            Assert.Contains("M_INVALID_PARAM", (await AskAsync(words))[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task is_in_backups_and_whole_in_audits()
    {
        var first = await PutAsync(_server, _alice, Utf8("one"));
        var second = await PutAsync(_server, _alice, Utf8("two"));
        var draft = Path.Combine(_server.DataFolder, "media", "drafts", "x");
        await File.WriteAllTextAsync(draft, "half");
        var copy = Path.Combine(_folder, "copy");
        await foreach (var _ in _server.Services.GetRequiredService<Backup>().RunAsync(copy, CancellationToken.None))
        {
        }
        await _server.StopAsync();
        Directory.Delete(_server.DataFolder, recursive: true);
        Directory.Move(copy, _server.DataFolder);
        Assert.False(File.Exists(draft));
        await _server.RestartWithoutDatabaseAsync();
        Assert.Equal("one", (await GetAsync(_server, Download(first), _alice.Token)).Is(200).Text);
        var well = Assert.Single(await AuditedServer.AskAsync(_server, "verify"));
        Assert.True(well.GetProperty("ok").GetBoolean(), well.GetRawText());
        Assert.Equal(2, well.GetProperty("blobs").GetInt32());

        var files = Directory.GetFiles(Path.Combine(_server.DataFolder, "media", "blobs"), "*", SearchOption.AllDirectories);
        File.Delete(files[0]);
        await File.WriteAllTextAsync(files[1], "2wo");
        var findings = await AuditedServer.AskAsync(_server, "verify");
        Assert.Equal(
            ["its bytes are missing", "its bytes have another SHA-256"],
            findings.SkipLast(1).Select(finding => finding.Text("problem")).Order());
        Assert.All(findings.SkipLast(1), finding => Assert.Matches(
            $"^media ({first.MediaId}|{second.MediaId}), blob [0-9a-f]{{64}}$", finding.Text("place")));
        // The same content uploaded again makes it whole.
        await PutAsync(_server, _alice, Utf8("one"));
        await PutAsync(_server, _alice, Utf8("two"));
        Assert.True((await AuditedServer.AskAsync(_server, "verify"))[^1].GetProperty("ok").GetBoolean());
    }

    [Fact]
    public async Task of_other_servers_goes_when_nobody_asks_for_it_and_comes_again()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var first = await FederatingServers.StartAsync();
        await using var second = await FederatingServers.StartAsync(
            federation => federation with { AllowPrivateAddresses = true, VerifyCertificates = false },
            MediaServer.WithoutSweeps,
            time);
        var bob = await first.RegisterAsync("bob");
        var carol = await second.RegisterAsync("carol");
        var old = await PutAsync(first, bob, Utf8("old"));
        var used = await PutAsync(first, bob, Utf8("used"));
        foreach (var uri in (MxcUri[])[old, used])
            (await GetAsync(second, Download(uri), carol.Token)).Is(200);
        var sweep = second.Services.GetRequiredService<MediaSweep>();
        time.Advance(TimeSpan.FromDays(60));
        (await GetAsync(second, Download(used), carol.Token)).Is(200);
        time.Advance(TimeSpan.FromDays(40));
        Assert.Equal((1, 1), await sweep.RunAsync(CancellationToken.None));
        Assert.Equal(1, BlobCount(second));
        Assert.Equal("old", (await GetAsync(second, Download(old), carol.Token)).Is(200).Text);

        // No room for both: what was not asked for longest goes.
        var small = second.Services.GetRequiredService<HomeserverConfig>();
        var shrinking = ActivatorUtilities.CreateInstance<MediaSweep>(
            second.Services, small with { Media = small.Media with { RemoteCacheBytes = 4 } });
        Assert.Equal(1, (await shrinking.RunAsync(CancellationToken.None)).Media);
        Assert.Equal((0, 0), await shrinking.RunAsync(CancellationToken.None));
        await AskAsync(second, "show", old.ToString());
        (await GetAsync(second, Download(used), carol.Token)).Is(200);

        // Quarantined before it was ever here, it never comes.
        var bad = await PutAsync(first, bob, Utf8("bad"));
        await AskAsync(second, "quarantine", bad.ToString());
        (await GetAsync(second, Download(bad), carol.Token)).Refused(404, "M_NOT_FOUND");
        Assert.Contains("2 copies", (await AskAsync(second, "purge-remote", "2999-01-01"))[0], StringComparison.Ordinal);
    }

    private Task<List<string>> AskAsync(params string[] words) => AskAsync(_server, words);

    /// <summary>The lines of the answer; the error as one line where it is refused.</summary>
    private static async Task<List<string>> AskAsync(TestHomeserver server, params string[] words)
    {
        using var client = await ControlSocket.ConnectAsync(server.DataFolder);
        using var content = new ReadOnlyMemoryContent(new ControlRequest([.. words], "tester").Write());
        using var request = new HttpRequestMessage(HttpMethod.Post, MediaControl.Spec.Path) { Content = content };
        using var response = await client!.SendAsync(request);
        var text = Encoding.UTF8.GetString(await response.Content.ReadAsByteArrayAsync());
        return [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries)];
    }
}
