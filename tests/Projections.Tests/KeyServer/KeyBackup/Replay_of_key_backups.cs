using System.Globalization;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.KeyServer.KeyBackup;
using Matrix.EventSourced.Projections.KeyServer.KeyBackup;
using Matrix.EventSourced.Projections.Tests.Hosting;
using Matrix.EventSourced.Projections.Tests.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.Tests.KeyServer.KeyBackup;

[Collection(RoomserverDatabase.Collection)]
public sealed class Replay_of_key_backups(RoomserverDatabase database)
{
    private const string Schema = "backups_replayed";

    [Fact]
    public async Task any_cut_into_batches_gives_the_same_tables()
    {
        var log = RandomBackups(seed: 11);
        var dumps = new List<string>();
        foreach (var batchSize in (int[])[int.MaxValue, 1, 7])
            dumps.Add(await ReplayAsync(log, batchSize));
        Assert.Contains("session", dumps[0], StringComparison.Ordinal);
        Assert.All(dumps, dump => Assert.Equal(dumps[0], dump));
    }

    [Fact]
    public async Task counts_and_keys_are_those_of_a_model_that_keeps_the_better_of_two()
    {
        var log = RandomBackups(seed: 12);
        var model = new Dictionary<(string User, long Version), SortedDictionary<string, BackedUpKey>>();
        foreach (var record in log.Records)
            Apply(model, record.Fact);
        var expected = model.OrderBy(backup => backup.Key.User, StringComparer.Ordinal).ThenBy(backup => backup.Key.Version)
            .SelectMany(backup => backup.Value.Values
                .Select(key => string.Create(
                    CultureInfo.InvariantCulture,
                    $"({backup.Key.User}|{backup.Key.Version}|{key.RoomId}|{key.SessionId}|{AtOf(key)})"))
                .Prepend(string.Create(
                    CultureInfo.InvariantCulture, $"({backup.Key.User}|{backup.Key.Version}|{backup.Value.Count})")));

        await ReplayAsync(log, batchSize: 5);
        var rows = await FedProjection.DumpAsync(
            database.Source,
            $"""
            SELECT line FROM (
                SELECT user_id, version, '' AS room_id, '' AS session_id,
                    user_id || '|' || version || '|' || key_count AS line FROM {Schema}.backups
                UNION ALL
                SELECT user_id, version, room_id, session_id, user_id || '|' || version || '|' || room_id || '|'
                    || session_id || '|' || (convert_from(session_data, 'UTF8')::json ->> 'at') FROM {Schema}.keys) AS all_rows
            ORDER BY user_id COLLATE "C", version, room_id COLLATE "C", session_id COLLATE "C"
            """);
        Assert.Equal(string.Join('\n', expected), rows.Trim());
    }

    private static string AtOf(BackedUpKey key) => key.SessionData.ToString()["""{"at":""".Length..^1];

    [Fact]
    public async Task keys_that_the_log_forgot_with_their_backup_change_nothing()
    {
        var log = RandomBackups(seed: 13);
        var deleted = log.Records.Select(record => record.Fact).OfType<KeyBackupDeleted>()
            .Select(fact => Stream(fact.UserId, fact.Version)).ToHashSet(StringComparer.Ordinal);
        Assert.NotEmpty(deleted);
        var kept = new TestLog();
        kept.Records.AddRange(log.Records.Where(record => !deleted.Contains(record.Record.Stream.Value)));
        Assert.Equal(await ReplayAsync(log, int.MaxValue), await ReplayAsync(kept, int.MaxValue));
    }

    private async Task<string> ReplayAsync(TestLog log, int batchSize)
    {
        await new KeyBackupProjection().FeedAsync(database.Source, Schema, log, batchSize);
        return await FedProjection.DumpAsync(
            database.Source,
            $"SELECT * FROM {Schema}.backups ORDER BY user_id, version",
            $"SELECT * FROM {Schema}.keys ORDER BY user_id, version, room_id, session_id");
    }

    private static void Apply(
        Dictionary<(string User, long Version), SortedDictionary<string, BackedUpKey>> model, IFact fact)
    {
        switch (fact)
        {
            case KeyBackupCreated created:
                model[(created.UserId.Value, created.Version)] = new(StringComparer.Ordinal);
                break;
            case KeyBackupDeleted deleted:
                model.Remove((deleted.UserId.Value, deleted.Version));
                break;
            case BackupKeysStored stored when model.TryGetValue((stored.UserId.Value, stored.Version), out var keys):
                foreach (var key in stored.Keys)
                {
                    var id = $"{key.RoomId}\n{key.SessionId}";
                    if (!keys.TryGetValue(id, out var known) || IsBetter(key, known))
                        keys[id] = key;
                }
                break;
            case BackupKeysDeleted gone when model.TryGetValue((gone.UserId.Value, gone.Version), out var keys):
                foreach (var (id, key) in keys.ToList())
                {
                    if ((gone.RoomId ?? key.RoomId) == key.RoomId && (gone.SessionId ?? key.SessionId) == key.SessionId)
                        keys.Remove(id);
                }
                break;
        }
    }

    /// <summary>The spec's three sentences, one by one.</summary>
    private static bool IsBetter(BackedUpKey offered, BackedUpKey known)
    {
        if (offered.IsVerified != known.IsVerified)
            return offered.IsVerified;
        if (offered.FirstMessageIndex != known.FirstMessageIndex)
            return offered.FirstMessageIndex < known.FirstMessageIndex;
        return offered.ForwardedCount < known.ForwardedCount;
    }

    private static TestLog RandomBackups(int seed)
    {
        var random = new Random(seed);
        var log = new TestLog();
        UserId[] users = [UserId.Parse("@ada:t"), UserId.Parse("@bob:t")];
        var versions = new Dictionary<UserId, long>();
        foreach (var user in users)
            log.Add(new KeyBackupCreated(user, versions[user] = 1, "alg", RawJson.FromText("{}")), $"keybackup-{user.Value}");
        for (var step = 0; step < 200; step++)
        {
            var user = users[random.Next(users.Length)];
            var version = random.NextInt64(1, versions[user] + 1);
            switch (random.Next(12))
            {
                case 0 when versions[user] < 4:
                    version = versions[user] += 1;
                    log.Add(
                        new KeyBackupCreated(user, version, "alg", RawJson.FromText("{}")), $"keybackup-{user.Value}");
                    break;
                case 1:
                    log.Add(
                        new KeyBackupChanged(user, version, RawJson.FromText($$"""{"n":{{step}}}""")), $"keybackup-{user.Value}");
                    break;
                case 2 when step > 100:
                    log.Add(new KeyBackupDeleted(user, version), $"keybackup-{user.Value}");
                    break;
                case 3:
                    log.Add(
                        new BackupKeysDeleted(
                            user, version, $"!r{random.Next(3)}:t", random.Next(2) == 0 ? null : $"session{random.Next(5)}"),
                        Stream(user, version));
                    break;
                default:
                    var keys = Enumerable.Range(0, 5).Where(_ => random.Next(2) == 0).Select(n => new BackedUpKey(
                        $"!r{random.Next(3)}:t",
                        $"session{n}",
                        random.Next(2) == 0,
                        random.Next(3),
                        random.Next(3),
                        RawJson.FromText($$"""{"at":{{step}}}""")));
                    log.Add(new BackupKeysStored(user, version, [.. keys]), Stream(user, version));
                    break;
            }
        }
        return log;
    }

    private static string Stream(UserId user, long version) =>
        string.Create(CultureInfo.InvariantCulture, $"backupkeys-{version}/{user.Value}");
}
