using System.Collections.Immutable;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Projections.KeyServer;
using Matrix.EventSourced.Projections.Sync;
using Matrix.EventSourced.Projections.Tests.Hosting;
using Matrix.EventSourced.Projections.Tests.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.EventSourced.Projections.Tests.KeyServer;

[Collection(RoomserverDatabase.Collection)]
public sealed class Replay_of_keys(RoomserverDatabase database)
{
    private static readonly UserId[] Users = [UserId.Parse("@ada:t"), UserId.Parse("@bob:t")];

    private static readonly UserId[] Others = [UserId.Parse("@cyd:o"), UserId.Parse("@dan:o")];

    [Fact]
    public async Task any_cut_into_batches_gives_the_same_tables()
    {
        var log = RandomKeys(seed: 11);
        var dumps = new List<string>();
        foreach (var batchSize in (int[])[int.MaxValue, 1, 7])
            dumps.Add(await ReplayAsync(log, batchSize));
        Assert.NotEmpty(dumps[0]);
        Assert.All(dumps, dump => Assert.Equal(dumps[0], dump));
    }

    [Fact]
    public async Task a_log_whose_bounded_streams_were_cut_off_gives_the_same_keys()
    {
        var log = RandomKeys(seed: 12);
        var kept = new TestLog();
        for (var index = 0; index < log.Records.Count; index++)
        {
            var record = log.Records[index];
            var isCutOff = log.Records.Skip(index + 1).Any(later => later.Record.Stream == record.Record.Stream
                && later.Fact is OneTimeKeysKept or RemoteDeviceListFetched
                && later.Record.Stream == record.Record.Stream);
            if (!isCutOff)
                kept.Records.Add(record);
        }
        Assert.True(kept.Records.Count < log.Records.Count);
        Assert.Equal(
            await ReplayAsync(log, int.MaxValue, withChanges: false),
            await ReplayAsync(kept, int.MaxValue, withChanges: false));
    }

    private async Task<string> ReplayAsync(TestLog log, int batchSize, bool withChanges = true)
    {
        var view = new LiveView();
        // A feed for everybody, so that nobody's rooms have to be read.
        foreach (var user in Users.Concat(Others))
            view.Load(view.OpenFeed(user.Value).Feed, []);
        var waker = new DeviceListWaker(view, null!, NullLogger<DeviceListWaker>.Instance);
        await new KeyServerProjection(new LiveKeySupplies(), waker, new RemoteListSignals())
            .FeedAsync(database.Source, "keys_replayed", log, batchSize);
        string[] tables = ["accounts", "account_devices", "devices", "signing_keys", "signatures", "lists", "supplies"];
        return await FedProjection.DumpAsync(
            database.Source,
            [
                .. tables.Concat(withChanges ? ["changes"] : [])
                    .Select(table => $"SELECT * FROM keys_replayed.{table} AS k ORDER BY k::text"),
            ]);
    }

    private static TestLog RandomKeys(int seed)
    {
        var random = new Random(seed);
        var log = new TestLog();
        var streamIds = Users.ToDictionary(user => user, _ => 0L);
        foreach (var user in Users)
            log.Add(new AccountRegistered(user, AccountKind.User, IsAdmin: false), $"user-{user}");
        for (var step = 0; step < 400; step++)
        {
            var user = Users[random.Next(Users.Length)];
            var other = Others[random.Next(Others.Length)];
            var device = $"D{random.Next(3)}";
            var json = RawJson.FromText($$"""{"step":{{step}}}""");
            var supply = new KeySupply([new("a", step)], [.. random.Next(2) == 0 ? ["a"] : ImmutableArray<string>.Empty]);
            var stream = $"onetimekeys-{user}/{device}";
            switch (random.Next(14))
            {
                case 0:
                    log.Add(new DeviceCreated(user, device, $"n{step}"), $"user-{user}");
                    break;
                case 1:
                    log.Add(new DeviceRenamed(user, device, null), $"user-{user}");
                    break;
                case 2:
                    log.Add(new OneTimeKeysKept(user, device, [], [], new KeySupply([], [])), stream);
                    log.Add(new DeviceDeleted(user, device), $"user-{user}");
                    break;
                case 3 or 4:
                    var isDeleted = random.Next(4) == 0;
                    log.Add(
                        new DeviceListUpdated(
                            user, device, ++streamIds[user], streamIds[user] - 1, null, isDeleted ? null : json, isDeleted),
                        $"devicekeys-{user}");
                    break;
                case 5:
                    log.Add(
                        new CrossSigningKeysChanged(user, json, null, json, IsPrivate: random.Next(2) == 0),
                        $"devicekeys-{user}");
                    break;
                case 6:
                    log.Add(new MasterKeySigned(user, other, "key", "ed25519:key", $"s{step}"), $"devicekeys-{user}");
                    break;
                case 7:
                    log.Add(new OneTimeKeysAdded(user, device, [], supply), stream);
                    break;
                case 8:
                    log.Add(new OneTimeKeyClaimed(user, device, "a:1", supply), stream);
                    break;
                case 9:
                    log.Add(new OneTimeKeysKept(user, device, [], [], supply), stream);
                    break;
                case 10:
                    log.Add(
                        new RemoteDeviceListFetched(other, step, [new(device, null, json)], json, null, random.Next(2) == 0),
                        $"remotedevices-{other}");
                    break;
                case 11:
                    log.Add(new RemoteDeviceUpdated(other, step, device, "n", json), $"remotedevices-{other}");
                    break;
                case 12:
                    log.Add(new RemoteSigningKeysUpdated(other, null, json), $"remotedevices-{other}");
                    break;
                default:
                    log.Add(
                        random.Next(2) == 0 ? new RemoteDeviceListOutdated(other) : new RemoteDeviceListForgotten(other),
                        $"remotedevices-{other}");
                    break;
            }
        }
        return log;
    }
}
