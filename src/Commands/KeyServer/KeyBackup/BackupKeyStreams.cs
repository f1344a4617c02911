using System.Collections.Immutable;
using System.Globalization;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.KeyServer.KeyBackup;

/// <summary>The streams of a user's backups: one says which there are, and each has one for its keys.</summary>
public static class BackupStreams
{
    public static StreamName Backups(UserId user) => new(StreamCategories.KeyBackup, user.Value);

    public static StreamName Keys(UserId user, long version) => new(
        StreamCategories.BackupKeys, string.Create(CultureInfo.InvariantCulture, $"{version}/{user.Value}"));
}

/// <summary>Writes the keys of backups: one writer of a user's keys at a time.</summary>
/// <remarks>
/// A backup's stream of keys is appended to without being read, so that an upload costs what it holds, however much is
/// there. LOCK: striped by user; held from the question what is there to the answer what is there now, so that the
/// answer tells of this write and of no later one.
/// </remarks>
public sealed class BackupKeyWriter(
    AggregateStore<KeyBackupState> backups,
    FactAppender appender,
    IEventAppender log,
    IEventReader reader,
    IKeyBackupLookup lookup)
{
    /// <summary>LIMIT: users whose keys are written at once. Ours: far above what the log's group commit can use.
    /// </summary>
    private const int StripesMax = 64;

    private readonly SemaphoreSlim[] _stripes =
        [.. Enumerable.Range(0, StripesMax).Select(static _ => new SemaphoreSlim(1, 1))];

    /// <summary>Decides on the backups as they are now, appends, and answers what is in the backup then.</summary>
    public async ValueTask<CommandResult<BackupContents>> WriteAsync(
        CommandContext context,
        UserId userId,
        long version,
        Func<KeyBackupState, MatrixError?> findProblem,
        Func<ValueTask<ImmutableArray<IFact>>> decide,
        CancellationToken cancellationToken)
    {
        var stripe = _stripes[StripeOf(userId)];
        await stripe.WaitAsync(cancellationToken);
        try
        {
            var loaded = await backups.LoadAsync(BackupStreams.Backups(userId), cancellationToken);
            if (findProblem(loaded.State) is { } problem)
                return problem;
            var facts = await decide();
            var position = LogPosition.Start;
            foreach (var chunk in facts.Chunk(KeyBackupLimits.FactsPerAppendMax))
            {
                var result = await appender.AppendAsync(
                    BackupStreams.Keys(userId, version), ExpectedRevision.Any, chunk, context);
                if (result is not AppendResult.Appended appended)
                    return new MatrixError(503, ErrCodes.Unknown, "The keys could not be stored; try again.");
                position = appended.Position;
            }
            return await lookup.ContentsAsync(userId, version, position) is { } contents
                ? new CommandResult<BackupContents>.Done(contents, position)
                : KeyBackupDecider.UnknownVersion;
        }
        finally
        {
            stripe.Release();
        }
    }

    /// <summary>Lets the log forget the keys of a backup that is gone.</summary>
    public async ValueTask ForgetAsync(UserId userId, long version)
    {
        var stream = BackupStreams.Keys(userId, version);
        if ((await reader.ReadStreamStateAsync(stream, CancellationToken.None)).LastRevision is not null)
            await log.DeleteAsync(stream, ExpectedRevision.Any, CancellationToken.None);
    }

    private static int StripeOf(UserId userId)
    {
        var hash = 17u;
        foreach (var character in userId.Value)
            hash = (hash * 31) + character;
        return (int)(hash % StripesMax);
    }
}
