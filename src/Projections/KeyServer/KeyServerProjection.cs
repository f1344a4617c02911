using System.Collections.Frozen;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Projections.Hosting;
using Npgsql;

namespace Matrix.EventSourced.Projections.KeyServer;

/// <summary>Keys of devices and users, here and elsewhere; whose changed; what devices have left to give out.</summary>
/// <remarks>
/// Of a user's changes only the last is kept: who has seen everything up to a position before it has to ask again,
/// whatever else there was.
/// After a batch committed, those whom it concerns learn of it (<see cref="DeviceListWaker"/>).
/// </remarks>
public sealed class KeyServerProjection(LiveKeySupplies supplies, DeviceListWaker waker, RemoteListSignals remote)
    : IProjection
{
    public const string ProjectionName = "keyserver";

    /// <summary>What reads of this component wait for.</summary>
    public static readonly ReadOnlyMemory<string> Gate = new[] { ProjectionName };

    public string Name => ProjectionName;

    public int Version => 1;

    public FrozenSet<string> Handles { get; } = FrozenSet.Create(
        StringComparer.Ordinal,
        FactNames.AccountRegistered,
        FactNames.DeviceCreated,
        FactNames.DeviceRenamed,
        FactNames.DeviceDeleted,
        FactNames.DeviceListUpdated,
        FactNames.CrossSigningKeysChanged,
        FactNames.MasterKeySigned,
        FactNames.OneTimeKeysAdded,
        FactNames.OneTimeKeyClaimed,
        FactNames.FallbackKeysSet,
        FactNames.FallbackKeyUsed,
        FactNames.OneTimeKeysKept,
        FactNames.RemoteDeviceListFetched,
        FactNames.RemoteDeviceUpdated,
        FactNames.RemoteSigningKeysUpdated,
        FactNames.RemoteDeviceListOutdated,
        FactNames.RemoteDeviceListForgotten);

    public string Ddl => KeyServerSchema.Ddl;

    public async ValueTask ApplyAsync(ProjectionBatch batch, CancellationToken cancellationToken)
    {
        if (batch.Facts.Count == 0)
            return;
        // One after the other, in the order of the log.
        await using var commands = new NpgsqlBatch(batch.Connection, batch.Transaction);
        var statements = new KeyServerStatements(commands, batch.Schema);
        foreach (var record in batch.Facts)
            statements.Add(record.Fact, (long)record.Record.Position.Value);
        await commands.ExecuteNonQueryAsync(cancellationToken);
    }

    public void WentLive(string schema, LogPosition upTo)
    {
        supplies.Reset();
        waker.Reset((long)upTo.Value);
        remote.Reset();
    }

    public void Committed(ProjectionBatch batch)
    {
        foreach (var record in batch.Facts)
        {
            var position = (long)record.Record.Position.Value;
            switch (record.Fact)
            {
                case IOneTimeKeyFact fact:
                    supplies.Changed(fact.UserId.Value, fact.DeviceId, fact.Supply);
                    break;
                case DeviceDeleted deleted:
                    supplies.Gone(deleted.UserId.Value, deleted.DeviceId);
                    break;
                case MasterKeySigned signed:
                    waker.WakeOwn(signed.Signer.Value, position);
                    break;
                case CrossSigningKeysChanged { IsPrivate: true } changed:
                    waker.WakeOwn(changed.UserId.Value, position);
                    break;
                default:
                    if (KeyServerStatements.ChangedUserOf(record.Fact) is { } user)
                        waker.Wake(user.Value, position);
                    if (record.Fact is RemoteDeviceListOutdated outdated)
                        remote.Outdated(outdated.UserId);
                    break;
            }
        }
    }
}

/// <summary>Tells who fetches device lists of other servers' users that one is due.</summary>
public sealed class RemoteListSignals
{
    private volatile Action<Protocol.Identifiers.UserId?>? _listener;

    /// <summary>Shape: null means that any list may be due.</summary>
    public void Listen(Action<Protocol.Identifiers.UserId?>? listener) => _listener = listener;

    internal void Outdated(Protocol.Identifiers.UserId user) => _listener?.Invoke(user);

    internal void Reset() => _listener?.Invoke(null);
}
