using System.Text.Json;
using Matrix.EventSourced.Kit.Hosting;
using Npgsql;
using SQLitePCL;

namespace Matrix.EventSourced.Api.Tests.Audit;

/// <summary>Damages a stopped server in one place at a time, in the log, the state nodes and the tables: verify finds
/// each and names the place.</summary>
public sealed class Planted_corruptions : IAsyncLifetime
{
    private const string InState = "m.room.topic";

    private TestHomeserver _server = null!;
    private string _room = "";

    public async Task InitializeAsync()
    {
        _server = await TestHomeserver.StartAsync();
        (_room, _) = await AuditedServer.MakeHistoryAsync(_server);
        await _server.StopAsync();
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task each_in_the_log_is_found()
    {
        var topic = await FindRecordAsync("\"type\":\"m.room.topic\"");
        var message = await FindRecordAsync("\"body\":\"one\"");
        await FindsInLogAsync(message, Replace(message, "\"one\"", "\"two\""), "content hash");
        await FindsInLogAsync(message, Replace(message, "\"sender\":\"@alice", "\"sender\":\"@malic"), "signature");
        await FindsInLogAsync(message, Replace(message, "\"signatures\":{\"hs\"", "\"signatures\":{\"ht\""), "signed");
        await FindsInLogAsync(message, Replace(message, "\"event_id\":\"$", "\"event_id\":\"$x"), "id");
        await FindsInLogAsync(message, Replace(message, "\"disposition\":\"accepted\"", "\"disposition\":\"maybe\""), "cannot be read");
        await FindsInLogAsync(message, $"UPDATE records SET data = substr(data, 1, 40) WHERE position = {message}", "cannot be read");
        await FindsInLogAsync(message, $"UPDATE records SET metadata = CAST('[]' AS BLOB) WHERE position = {message}", "metadata");
        await FindsInLogAsync(message, $"UPDATE records SET revision = 1000 WHERE position = {message}", "follow");
        await FindsInLogAsync(message + 1, $"DELETE FROM records WHERE position = {message}", "follow");
        await FindsInLogAsync(topic, Replace(topic, "\"m.room.topic\",\"\"", "\"m.room.name\",\"\""), "deltas");
        await FindsInLogAsync(topic, Replace(topic, "\"current_state\":\"", "\"current_state\":\"A"), "");
        await FindsInLogAsync(message, Replace(message, ",\"pdu\":{", ",\"erased\":{},\"pdu\":{"), "holds content");
        Assert.Equal(12, _found);
    }

    [Fact]
    public async Task each_in_the_tables_is_found()
    {
        await FindsInTableAsync("UPDATE {schema}.pdus SET json = '{}' WHERE type = 'm.room.message' AND sender = '@alice:hs'", "pdus");
        await FindsInTableAsync("UPDATE {schema}.pdus SET position = position + 1000 WHERE type = 'm.room.name'", "pdus");
        await FindsInTableAsync("DELETE FROM {schema}.pdus WHERE type = 'm.room.name'", "pdus");
        await FindsInTableAsync($"DELETE FROM {{schema}}.state WHERE type = '{InState}' AND to_position < {long.MaxValue}", "state");
        await FindsInTableAsync(
            $"UPDATE {{schema}}.state SET event_id = '$x' WHERE type = '{InState}' AND to_position = {long.MaxValue}", "state");
        await FindsInTableAsync("UPDATE {schema}.memberships SET membership = 1 - membership WHERE user_id = '@alice:hs'", "memberships");
        await FindsInTableAsync("INSERT INTO {schema}.aliases VALUES ('#forged:hs', '!r', '@m:hs', 1)", "aliases");
        await FindsInTableAsync("DELETE FROM {schema}.public_rooms", "public_rooms");
        Assert.Equal(8, _found);
    }

    [Fact]
    public async Task each_in_the_state_nodes_is_found()
    {
        await FindsAsync(
            "UPDATE statestore.state_nodes SET bytes = bytes || '\\x00' WHERE hash = (SELECT hash FROM statestore.state_nodes ORDER BY hash LIMIT 1)",
            "state node");
        await FindsAsync(
            "DELETE FROM statestore.state_nodes WHERE hash = (SELECT hash FROM statestore.state_nodes ORDER BY hash DESC LIMIT 1)", "state node");
        Assert.Equal(2, _found);
    }

    private int _found;

    private static string Replace(long position, string old, string @new) => $"""
        UPDATE records SET data = CAST(replace(CAST(data AS TEXT), '{old}', '{@new}') AS BLOB)
        WHERE position = {position}
        """;

    private async Task<long> FindRecordAsync(string text)
    {
        await Task.CompletedTask;
        var found = 0L;
        Run($"SELECT min(position) FROM records WHERE instr(CAST(data AS TEXT), '{text}') > 0", value => found = value);
        Assert.True(found > 0, $"No record holds {text}.");
        return found;
    }

    private async Task FindsInLogAsync(long position, string sql, string expected)
    {
        var file = Path.Combine(_server.DataFolder, "log", "log.sqlite");
        var kept = await File.ReadAllBytesAsync(file);
        Run(sql, null);
        var findings = await VerifyAsync();
        await File.WriteAllBytesAsync(file, kept);
        Assert.True(
            findings.Any(finding => Text(finding, "place").StartsWith($"position {position},")
                && Text(finding, "problem").Contains(expected)),
            $"{sql}\n{string.Join('\n', findings)}");
        _found++;
    }

    private Task FindsInTableAsync(string sql, string table) =>
        FindsAsync(sql.Replace("{schema}", "roomserver_v3"), $"table roomserver.{table}");

    private async Task FindsAsync(string sql, string place)
    {
        // Each case starts from tables that the log has just made.
        await _server.RestartWithoutDatabaseAsync();
        await _server.StopAsync();
        await using (var command = _server.Database.DataSource.CreateCommand(sql))
            Assert.True(await command.ExecuteNonQueryAsync() > 0, sql);
        var findings = await VerifyAsync();
        Assert.True(findings.Any(finding => Text(finding, "place").StartsWith(place)), $"{sql}\n{string.Join('\n', findings)}");
        _found++;
    }

    private async Task<IReadOnlyList<JsonElement>> VerifyAsync()
    {
        await using var stopped = await _server.OpenStoppedAsync();
        return [.. (await AuditedServer.AskAsync(stopped, "verify")).Where(line => line.TryGetProperty("problem", out _))];
    }

    private void Run(string sql, Action<long>? read)
    {
        var file = Path.Combine(_server.DataFolder, "log", "log.sqlite");
        Assert.Equal(raw.SQLITE_OK, raw.sqlite3_open(file, out var database));
        using (database)
        {
            var code = raw.sqlite3_prepare_v2(database, sql, out var statement);
            Assert.True(code == raw.SQLITE_OK, raw.sqlite3_errmsg(database).utf8_to_string());
            using (statement)
            {
                code = raw.sqlite3_step(statement);
                Assert.True(code is raw.SQLITE_DONE or raw.SQLITE_ROW, raw.sqlite3_errmsg(database).utf8_to_string());
                if (code == raw.SQLITE_ROW)
                    read?.Invoke(raw.sqlite3_column_int64(statement, 0));
            }
        }
    }

    private static string Text(JsonElement finding, string name) => finding.GetProperty(name).GetString()!;
}
