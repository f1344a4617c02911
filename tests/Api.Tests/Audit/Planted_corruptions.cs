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
    public async Task each_that_only_the_facts_before_it_give_away_is_found()
    {
        var create = await FindRecordAsync("\"type\":\"m.room.create\"");
        var topic = await FindRecordAsync("\"type\":\"m.room.topic\"");
        var message = await FindRecordAsync("\"body\":\"one\"");
        var redaction = await FindRecordAsync("\"redacts_applied\":\"$");
        var createId = EventId(create);
        var messageId = EventId(message);
        const string accepted = "\"disposition\":\"accepted\"";
        await FindsInLogAsync(message, Set(message, "$.forward_extremities", $"json_array({createId})"), "do not follow");
        await FindsInLogAsync(message, Set(message, "$.forward_extremities", $"json_array({createId}, {messageId})"), "do not follow");
        await FindsInLogAsync(message, Set(message, "$.forward_extremities", "json_array()"), "do not follow");
        await FindsInLogAsync(message, Replace(message, accepted, "\"disposition\":\"soft_failed\""), "disposition");
        await FindsInLogAsync(message, Replace(message, accepted, "\"disposition\":\"backfilled\""), "do not follow");
        await FindsInLogAsync(message, Replace(message, accepted, "\"disposition\":\"outlier\""), "do not follow");
        await FindsInLogAsync(message, Set(message, "$.depth", "1000"), "depth");
        await FindsInLogAsync(message, Set(message, "$.depth", "1"), "depth");
        await FindsInLogAsync(redaction, Set(redaction, "$.redacts_applied", messageId), "is said to redact");
        await FindsInLogAsync(redaction, Remove(redaction, "$.redacts_applied"), "is not said to");
        await FindsInLogAsync(topic, Set(topic, "$.state_added", "json_array()"), "deltas");
        await FindsInLogAsync(topic, Set(topic, "$.state_removed", "json('[[\"m.room.name\",\"\"]]')"), "deltas");
        await FindsInLogAsync(
            topic, Set(topic, "$.state_added", $"json_array(json_array('m.room.topic', '', {messageId}))"), "does not belong");
        await FindsInLogAsync(
            message, Set(message, "$.state_before_added", $"json_array(json_array('m.room.topic', '', {createId}))"), "before it");
        await FindsInLogAsync(message, Set(message, "$.state_before_removed", "json('[[\"m.room.name\",\"\"]]')"), "before it");
        Assert.Equal(15, _found);
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
    public async Task each_in_the_tables_of_other_projections_is_found()
    {
        await FindsAsync("DELETE FROM search_v2.entries", "table search.entries");
        await FindsAsync("DELETE FROM push_v1.members", "table push.members");
        await FindsAsync("UPDATE userdirectory_v1.names SET user_id = '@forged:hs'", "table userdirectory.names");
        await FindsAsync("DELETE FROM userapi_v3.access_tokens", "table userapi.access_tokens");
        await FindsAsync("DELETE FROM projections.checkpoints WHERE projection = 'relations'", "projection relations");
        await FindsAsync("UPDATE projections.checkpoints SET position = position + 1000000", "tables");
        Assert.Equal(6, _found);
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

    private static string Set(long position, string path, string json) =>
        $"UPDATE records SET data = CAST(json_set(CAST(data AS TEXT), '{path}', {json}) AS BLOB) WHERE position = {position}";

    private static string Remove(long position, string path) =>
        $"UPDATE records SET data = CAST(json_remove(CAST(data AS TEXT), '{path}') AS BLOB) WHERE position = {position}";

    private static string EventId(long position) =>
        $"(SELECT json_extract(CAST(data AS TEXT), '$.event_id') FROM records WHERE position = {position})";

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
        FindsAsync(sql.Replace("{schema}", "roomserver_v5"), $"table roomserver.{table}");

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
