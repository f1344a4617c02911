using Matrix.EventSourced.Commands.MediaApi;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Tests.UserApi;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.EventStore.InMemory;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.MediaApi;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.Tests.MediaApi;

public class Uploading
{
    private static readonly UserId Alice = UserId.Parse("@alice:hs");
    private static readonly MediaContent Content = new("aa", 40, "text/plain", "a.txt");

    private readonly InMemoryEventStore _log = new(TimeProvider.System);
    private readonly CountingRandom _random = new();
    private readonly AggregateStore<MediaState> _media;

    public Uploading() => _media = new AggregateStore<MediaState>(_log, new FactAppender(_log, _random));

    [Fact]
    public async Task gives_every_upload_an_id_of_its_own()
    {
        var first = UserApiWorld.Done(await UploadAsync(new MediaPolicy(100, null, 5, TimeSpan.FromHours(1)), null));
        var second = UserApiWorld.Done(await UploadAsync(new MediaPolicy(100, null, 5, TimeSpan.FromHours(1)), null));
        Assert.NotEqual(first, second);
    }

    /// <summary>However many are decided at once: what counts is read under the user's lock.</summary>
    [Fact]
    public async Task never_exceeds_the_quota_nor_what_may_be_pending()
    {
        var policy = new MediaPolicy(100, 100, 3, TimeSpan.FromHours(1));
        var locks = new UploaderLocks();
        var uploads = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => UploadAsync(policy, locks)));
        Assert.Equal(2, uploads.Count(result => result is CommandResult<MediaId>.Done));
        Assert.All(uploads.OfType<CommandResult<MediaId>.Refused>(), refused => Assert.Equal("M_FORBIDDEN", refused.Error.ErrCode));

        var roomy = policy with { QuotaBytes = null };
        var created = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => CreateAsync(roomy, locks)));
        Assert.Equal(3, created.Count(result => result is CommandResult<CreatedMedia>.Done));
        Assert.All(
            created.OfType<CommandResult<CreatedMedia>.Refused>(),
            refused => Assert.Equal((429, "M_LIMIT_EXCEEDED"), (refused.Error.Status, refused.Error.ErrCode)));
    }

    [Fact]
    public async Task of_two_that_fill_the_same_id_at_once_one_wins()
    {
        var policy = new MediaPolicy(100, null, 5, TimeSpan.FromHours(1));
        var id = UserApiWorld.Done(await CreateAsync(policy, new UploaderLocks())).MediaId;
        var results = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => UploadAsync(policy, null, id)));
        Assert.Single(results, result => result is CommandResult<MediaId>.Done);
        Assert.All(
            results.OfType<CommandResult<MediaId>.Refused>(),
            refused => Assert.Equal((409, "M_CANNOT_OVERWRITE_MEDIA"), (refused.Error.Status, refused.Error.ErrCode)));
    }

    private Task<CommandResult<MediaId>> UploadAsync(MediaPolicy policy, UploaderLocks? locks, MediaId? id = null) =>
        new UploadMediaHandler(_media, new LogUsage(_log), policy, locks ?? new UploaderLocks(), _random).Handle(
            new UploadMedia(Context, Alice, id, Content), CancellationToken.None);

    private Task<CommandResult<CreatedMedia>> CreateAsync(MediaPolicy policy, UploaderLocks locks) =>
        new CreateMediaHandler(_media, new LogUsage(_log), policy, locks, _random).Handle(
            new CreateMedia(Context, Alice), CancellationToken.None);

    private static CommandContext Context => new(FactActor.Self, 1_000, "request");

    /// <summary>What the read side would say, counted from the log.</summary>
    private sealed class LogUsage(InMemoryEventStore log) : IMediaUsage
    {
        public async ValueTask<MediaUsage> FindAsync(UserId userId, long nowMs, CancellationToken cancellationToken)
        {
            var pending = new HashSet<MediaId>();
            var bytes = 0L;
            var records = log.ReadAllAsync(
                LogPosition.Start, ReadDirection.Forwards, long.MaxValue, cancellationToken: cancellationToken);
            await foreach (var record in records)
            {
                switch (FactCodec.Decode(record.Type, record.Data))
                {
                    case MediaCreated created:
                        pending.Add(created.MediaId);
                        break;
                    case MediaUploaded uploaded:
                        pending.Remove(uploaded.MediaId);
                        bytes += uploaded.SizeBytes;
                        break;
                }
            }
            return new MediaUsage(pending.Count, bytes);
        }
    }
}
