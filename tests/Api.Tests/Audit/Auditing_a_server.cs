using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;
using Xunit.Abstractions;

namespace Matrix.EventSourced.Api.Tests.Audit;

/// <summary>The audit of a running server: history, state, changes, and that each look is taken down.</summary>
public sealed class Auditing_a_server(ITestOutputHelper output) : IAsyncLifetime
{
    private TestHomeserver _server = null!;
    private string _room = "";
    private string _redacted = "";

    public async Task InitializeAsync()
    {
        _server = await TestHomeserver.StartAsync();
        (_room, _redacted) = await AuditedServer.MakeHistoryAsync(_server);
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task history_names_who_did_what_and_shows_no_content()
    {
        var lines = await AuditedServer.AskAsync(_server, "history", "--room", _room, "--type", "m.room.message");

        Assert.Equal(["@alice:hs", "@bob:hs"], lines.Select(line => line.GetProperty("actor").GetString()));
        Assert.All(lines, line => Assert.False(line.TryGetProperty("content", out _)));
        Assert.DoesNotContain("secret", string.Join(' ', lines), StringComparison.Ordinal);
        Assert.Contains(_redacted, lines[1].GetProperty("what").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task history_of_a_user_holds_what_they_did_and_what_was_done_to_them()
    {
        var lines = await AuditedServer.AskAsync(_server, "history", "--user", "@bob:hs");

        var facts = lines.Select(line => line.GetProperty("fact").GetString()).ToList();
        Assert.Contains("userapi.account_registered.v1", facts);
        Assert.Contains("roomserver.pdu_recorded.v1", facts);
        Assert.DoesNotContain(lines, line => line.GetProperty("what").GetString()!.Contains("m.room.topic"));
    }

    [Fact]
    public async Task history_keeps_to_positions_and_to_a_limit()
    {
        var all = await AuditedServer.AskAsync(_server, "history");
        var third = all[2].GetProperty("position").GetInt64().ToString();
        var fifth = all[4].GetProperty("position").GetInt64().ToString();

        var some = await AuditedServer.AskAsync(_server, "history", "--from", third, "--to", fifth);
        var first = await AuditedServer.AskAsync(_server, "history", "--limit", "1");

        Assert.Equal(all.Skip(2).Take(3).Select(Position), some.Select(Position));
        Assert.Equal(Position(all[0]), Position(Assert.Single(first)));
    }

    [Fact]
    public async Task each_look_is_a_fact_itself()
    {
        await AuditedServer.AskAsync(_server, "state", _room);

        var looks = await AuditedServer.AskAsync(_server, "history", "--admin", "tester");

        Assert.Contains(looks, look => look.GetProperty("what").GetString() == $"state {_room}");
    }

    [Fact]
    public async Task changes_say_what_a_state_was_before_and_after_and_by_whom()
    {
        var changes = await AuditedServer.AskAsync(_server, "changes", _room);

        var topics = changes.Where(change => change.GetProperty("type").GetString() == "m.room.topic").ToList();
        Assert.Equal(2, topics.Count);
        Assert.Equal(JsonValueKind.Null, topics[0].GetProperty("before").ValueKind);
        Assert.Equal(topics[0].GetProperty("after").GetString(), topics[1].GetProperty("before").GetString());
        Assert.All(topics, topic => Assert.Equal("@alice:hs", topic.GetProperty("actor").GetString()));
    }

    [Fact]
    public async Task state_at_random_positions_is_what_a_second_server_comes_to_that_replays_up_to_there()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("TEST_SEED"), out var given) ? given : 20261126;
        output.WriteLine($"TEST_SEED={seed}");
        var random = new Random(seed);
        var records = await ReplayedServer.ReadAsync(_server);
        var chosen = Enumerable.Range(0, 50).Select(_ => random.Next(records.Count)).Order().ToList();
        await using var second = await ReplayedServer.StartAsync("hs", records);
        foreach (var index in chosen)
        {
            await second.ReplayAsync(index);

            var audited = await AuditedServer.AskAsync(
                _server, "state", _room, "--at", records[index].Position.ToString());

            Assert.Equal(await second.StateOfAsync(_room), audited.Skip(1).Select(ReplayedServer.Entry));
        }
    }

    [Fact]
    public async Task verify_finds_nothing_in_a_sound_server_that_runs_or_is_stopped()
    {
        var running = await AuditedServer.AskAsync(_server, "verify");
        await _server.StopAsync();
        await using var opened = await _server.OpenStoppedAsync();
        var stopped = await AuditedServer.AskAsync(opened, "verify");

        Assert.True(Assert.Single(running).GetProperty("ok").GetBoolean(), string.Join('\n', running));
        Assert.True(Assert.Single(stopped).GetProperty("ok").GetBoolean(), string.Join('\n', stopped));
    }

    [Theory]
    [InlineData]
    [InlineData("what")]
    [InlineData("state")]
    [InlineData("state", "no-room")]
    [InlineData("state", "!a:hs", "--at", "yesterday")]
    [InlineData("history", "--limit", "0")]
    [InlineData("history", "--romo", "!a:hs")]
    public void question_that_cannot_be_understood_is_refused_with_a_reason(params string[] words)
    {
        Assert.Null(Projections.Audit.AuditQuestion.Parse(words, out var problem));
        Assert.NotEmpty(problem);
    }

    private static ulong Position(JsonElement line) => line.GetProperty("position").GetUInt64();
}
