using System.Collections.Frozen;
using System.Runtime.CompilerServices;
using System.Text.Json.Serialization.Metadata;
using Marten;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Projections.Hosting;

namespace Matrix.EventSourced.Projections.UserApi;

/// <summary>
/// Accounts, devices, profiles, filters, pushers and account data as documents; access tokens in a table of their own.
/// </summary>
/// <remarks>
/// A batch is folded in memory first (<see cref="UserBatch"/>) and written once, whatever it holds of one user.
/// After the commit, tokens that ended or changed leave the cache, and the last use of deleted devices is forgotten.
/// </remarks>
public sealed class UserApiProjection(
    IDocumentStoreAccess documents, TokenCache tokens, AccountDataRecency recency, DeviceSightings sightings)
    : IDocumentProjection
{
    public const string ProjectionName = "userapi";

    /// <summary>What reads of this component wait for.</summary>
    public static readonly ReadOnlyMemory<string> Gate = new[] { ProjectionName };

    // Filled by Apply, used by Committed; a batch that was rolled back takes its entry with it.
    private readonly ConditionalWeakTable<ProjectionBatch, IReadOnlyList<string>> _endedTokens = [];

    private string? _liveSchema;
    private LogPosition _announced;

    public string Name => ProjectionName;

    public int Version => 3;

    public FrozenSet<string> Handles { get; } = new[]
    {
        FactNames.AccountRegistered,
        FactNames.ProfileChanged,
        FactNames.DeviceCreated,
        FactNames.DeviceRenamed,
        FactNames.DeviceDeleted,
        FactNames.FilterStored,
        FactNames.AccountLocked,
        FactNames.AccountSuspended,
        FactNames.PusherSet,
        FactNames.PusherDeleted,
        FactNames.AccountDataSet,
        FactNames.CredentialsChanged,
    }.ToFrozenSet(StringComparer.Ordinal);

    public string Ddl => AccessTokenTable.Ddl;

    public IJsonTypeInfoResolver DocumentJson => UserDocumentJson.Default;

    public void ConfigureDocuments(StoreOptions options)
    {
        options.Schema.For<AccountDocument>();
        options.Schema.For<DeviceDocument>().Duplicate(device => device.UserId);
        options.Schema.For<FilterDocument>();
        options.Schema.For<PusherDocument>()
            .Duplicate(pusher => pusher.UserId)
            .Index(pusher => new { pusher.PushKey, pusher.AppId });
        options.Schema.For<AccountDataDocument>().Index(
            data => new { data.UserId, data.Position });
    }

    public async ValueTask ApplyAsync(ProjectionBatch batch, CancellationToken cancellationToken)
    {
        // PostgreSQL lost its last commits and gets them again: until then its rows say what was true before, and
        // Committed does not come a second time. Nothing may be kept of what is read meanwhile.
        if (batch.Schema == _liveSchema && batch.Facts[0].Record.Position <= _announced)
            tokens.Suspend();
        await using var session = documents.OpenSession(batch);
        var changes = await UserBatch.FoldAsync(batch.Facts, session, cancellationToken);
        changes.StoreIn(session);
        await session.SaveChangesAsync(cancellationToken);
        var ended = await AccessTokenTable.WriteAsync(batch, changes, cancellationToken);
        if (changes.Credentials.Count > 0 || changes.Moderated.Count > 0)
            _endedTokens.AddOrUpdate(batch, ended);
    }

    public void WentLive(string schema, LogPosition upTo)
    {
        (_liveSchema, _announced) = (schema, upTo);
        tokens.Clear();
        tokens.Resume();
        recency.BeginAt(upTo);
    }

    public void Committed(ProjectionBatch batch)
    {
        _announced = batch.UpTo;
        tokens.Resume();
        var ended = _endedTokens.TryGetValue(batch, out var known) ? known : null;
        for (var i = 0; i < ended?.Count; i++)
            tokens.Remove(ended[i]);
        for (var i = 0; i < batch.Facts.Count; i++)
        {
            var record = batch.Facts[i];
            switch (record.Fact)
            {
                case CredentialsChanged or AccountLocked or AccountSuspended when ended is null:
                    // Only a part of the batch is announced: which tokens ended is not known one by one.
                    tokens.Clear();
                    ended = [];
                    break;
                case DeviceDeleted deleted:
                    sightings.Forget(deleted.UserId, deleted.DeviceId);
                    break;
                case AccountDataSet data:
                    recency.Note(data.UserId, record.Record.Position);
                    break;
                case AccountRegistered registered:
                    recency.Note(registered.UserId, record.Record.Position);
                    break;
            }
        }
    }
}
