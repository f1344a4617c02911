using System.Diagnostics;
using System.Globalization;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Push;
using Matrix.EventSourced.Projections.Tests.Hosting;
using Matrix.EventSourced.Projections.Tests.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Xunit.Abstractions;

namespace Matrix.EventSourced.Projections.Tests.Push;

/// <summary>A message costs rows for those whom it means something else to, and nothing for the others.</summary>
[Collection(RoomserverDatabase.Collection)]
public sealed class Large_rooms(RoomserverDatabase database, ITestOutputHelper output)
{
    private const int Members = 10_000;
    private const int Messages = 50;

    [Theory]
    [InlineData(0)]
    [InlineData(1_000)]
    public async Task message_is_one_row_and_one_more_for_each_who_muted_the_room(int muted)
    {
        var log = new TestLog();
        var room = new TestRoom(log, "!big:t", "@ada:t");
        for (var member = 1; member < Members; member++)
            room.Member($"@u{member}:t", $"@u{member}:t", "join");
        for (var member = 1; member <= muted; member++)
            Mute(log, $"@u{member}:t");
        await new PushProjection(new LiveUnread(), ServerName.Parse("t"))
            .FeedAsync(database.Source, "push_large", log, 1_000);
        Assert.Equal("0", await CountAsync("shared"));

        var before = log.Records.Count;
        for (var message = 0; message < Messages; message++)
            room.Message("@ada:t", "hello");
        var projection = new PushProjection(new LiveUnread(), ServerName.Parse("t"));
        var startedAt = Stopwatch.GetTimestamp();
        foreach (var record in log.Records.GetRange(before, Messages))
            await ApplyAsync(projection, record);
        var ms = Stopwatch.GetElapsedTime(startedAt).TotalMilliseconds / Messages;
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{Members} members, {muted} muted it: {ms:F2} ms a message, one by one"));

        Assert.Equal($"{Messages}", await CountAsync("shared"));
        Assert.Equal($"{Messages * muted}", await CountAsync("personal"));
    }

    private static void Mute(TestLog log, string user) => log.Add(
        new AccountDataSet(
            UserId.Parse(user),
            null,
            "m.push_rules",
            RawJson.FromText("""{"global":{"room":[{"rule_id":"!big:t","enabled":true,"actions":[]}]} }""")),
        $"accountdata-{user}");

    private async Task ApplyAsync(PushProjection projection, DecodedRecord record)
    {
        await using var connection = await database.Source.OpenConnectionAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        await projection.ApplyAsync(
            new ProjectionBatch("push_large", connection, transaction, [record], record.Record.Position, IsRebuild: false), default);
        await transaction.CommitAsync();
    }

    private async Task<string> CountAsync(string table) => (await FedProjection.DumpAsync(
        database.Source, $"SELECT count(*) FROM push_large.{table}")).Trim().Trim('(', ')');
}
