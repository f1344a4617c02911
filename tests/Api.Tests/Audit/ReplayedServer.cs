using System.Text.Json;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Roomserver;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Matrix.EventSourced.Api.Tests.Audit;

/// <summary>A server of its own that replays another one's log, as far as it is told to.</summary>
internal sealed class ReplayedServer : IAsyncDisposable
{
    private readonly TestHomeserver _server;
    private readonly IReadOnlyList<LogRecord> _records;
    private int _copied;

    private ReplayedServer(TestHomeserver server, IReadOnlyList<LogRecord> records) => (_server, _records) = (server, records);

    public static async Task<ReplayedServer> StartAsync(string name, IReadOnlyList<LogRecord> records) => new(
        await TestHomeserver.StartAsync(new TestHomeserverOptions { ServerName = name, IsLogInMemory = true }), records);

    public static async Task<List<LogRecord>> ReadAsync(TestHomeserver server)
    {
        var records = new List<LogRecord>();
        var log = server.Services.GetRequiredService<IEventReader>();
        await foreach (var record in log.ReadAllAsync(LogPosition.Start, ReadDirection.Forwards, long.MaxValue))
            records.Add(record);
        return records;
    }

    /// <summary>Goes on up to the record of that index. Requires: indices never go down.</summary>
    public async Task ReplayAsync(int index)
    {
        var log = _server.Services.GetRequiredService<IEventStore>();
        for (; _copied <= index; _copied++)
        {
            var record = _records[_copied];
            Assert.IsType<AppendResult.Appended>(await log.AppendAsync(
                record.Stream,
                ExpectedRevision.Any,
                [new NewRecord(record.RecordId, record.Type, record.Data, record.Metadata)]));
        }
        await _server.Services.GetRequiredService<IProjectionGate>()
            .WaitForHeadAsync(new[] { RoomserverProjection.ProjectionName }, CancellationToken.None);
    }

    /// <summary>The room's current state in its tables: type, state key and event id of each entry.</summary>
    public async Task<List<string>> StateOfAsync(string room)
    {
        var schema = _server.Services.GetRequiredService<IProjectionSchemas>().Live(RoomserverProjection.ProjectionName);
        await using var command = _server.Database.DataSource.CreateCommand(
            $"SELECT type, state_key, event_id FROM {schema}.state WHERE room_id = $1 AND to_position = {long.MaxValue} ORDER BY type, state_key");
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = room });
        await using var reader = await command.ExecuteReaderAsync();
        var entries = new List<string>();
        while (await reader.ReadAsync())
            entries.Add($"{reader.GetString(0)} {reader.GetString(1)} {reader.GetString(2)}");
        return entries;
    }

    /// <summary>An entry of a state that the audit shows, in the same form.</summary>
    public static string Entry(JsonElement line) =>
        $"{line.GetProperty("type").GetString()} {line.GetProperty("state_key").GetString()} {line.GetProperty("event_id").GetString()}";

    public ValueTask DisposeAsync() => _server.DisposeAsync();
}
