using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Runtime.CompilerServices;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.AppService;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.AppServices;

namespace Matrix.EventSourced.Projections.AppService;

/// <summary>Which application services are interested in which rooms, and what waits for each of them.</summary>
/// <remarks>
/// One row per service and fact; rows go by the facts that say what was delivered. What a service has taken already, or
/// what came before it was followed, is asked of its stream first, so that a rebuild makes no rows for it.
/// Registered only where there are application services: a server without any pays nothing.
/// </remarks>
public sealed class AppserviceProjection(AppserviceSignals signals, IEventReader log, AppserviceSet services)
    : IProjection
{
    public const string ProjectionName = "appservice";

    /// <summary>What reads of this component wait for.</summary>
    public static readonly ReadOnlyMemory<string> Gate = new[] { ProjectionName };

    private readonly ConditionalWeakTable<ProjectionBatch, IReadOnlyCollection<string>> _batchToQueued = [];

    private readonly bool _isEphemeralWanted = services.All.Any(service => service.ReceivesEphemeral);

    private readonly bool _areDevicesWanted = services.All.Any(service => service.TracksDevices);

    // Services whose stream was seen to have begun; it does not end.
    private readonly ConcurrentDictionary<string, bool> _followed = new(StringComparer.Ordinal);

    public string Name => ProjectionName;

    public int Version => 2;

    public FrozenSet<string> Handles { get; } = FrozenSet.Create(
        StringComparer.Ordinal,
        FactNames.PduRecorded,
        FactNames.AliasCreated,
        FactNames.AliasDeleted,
        FactNames.NetworkListingChanged,
        FactNames.TypingChanged,
        FactNames.ReceiptRecorded,
        FactNames.PresenceChanged,
        FactNames.ToDeviceSent,
        FactNames.DeviceListUpdated,
        FactNames.CrossSigningKeysChanged,
        FactNames.RemoteDeviceListFetched,
        FactNames.RemoteDeviceUpdated,
        FactNames.RemoteSigningKeysUpdated,
        FactNames.RemoteDeviceListOutdated,
        FactNames.OneTimeKeysAdded,
        FactNames.OneTimeKeyClaimed,
        FactNames.FallbackKeysSet,
        FactNames.FallbackKeyUsed,
        FactNames.OneTimeKeysKept,
        FactNames.AppserviceTransactionBegun,
        FactNames.AppserviceTransactionDelivered,
        FactNames.AppserviceDeliveryFailed);

    /// <summary>History and rejected PDUs that move nobody in or out concern nobody, and facts about what is ephemeral
    /// or about devices only who wants them.</summary>
    public bool Concerns(IFact fact) => fact switch
    {
        PduRecorded pdu => pdu.Disposition == PduDisposition.Accepted
            || !pdu.StateAdded.IsEmpty
            || !pdu.StateRemoved.IsEmpty
            || pdu.Pdu.Utf8.Span.IndexOf("m.room.member"u8) >= 0,
        TypingChanged or ReceiptRecorded or PresenceChanged => _isEphemeralWanted,
        ToDeviceSent sent => services.All.Any(
            service => service.ReceivesToDevice && service.OwnsUser(sent.Recipient)),
        IOneTimeKeyFact keys => services.All.Any(service => service.TracksDevices && service.OwnsUser(keys.UserId)),
        DeviceListUpdated or CrossSigningKeysChanged or IRemoteDeviceFact => _areDevicesWanted,
        _ => true,
    };

    public string Ddl => AppserviceSchema.Ddl(services);

    public async ValueTask ApplyAsync(ProjectionBatch batch, CancellationToken cancellationToken)
    {
        if (batch.Facts.Count == 0)
            return;
        var state = new AppserviceState(services, AppservicePlan.Of(batch.Facts));
        var tables = new AppserviceTables(batch);
        await tables.LoadAsync(state, cancellationToken);
        foreach (var service in services.All)
        {
            if (batch.IsRebuild || !_followed.ContainsKey(service.Id))
                state.Skip(service.Id, await DeliveredAsync(service.Id, cancellationToken));
        }
        foreach (var record in batch.Facts)
            state.Apply(record);
        await tables.WriteAsync(state, cancellationToken);
        _batchToQueued.AddOrUpdate(batch, state.Queued.Keys);
    }

    public void WentLive(string schema, LogPosition upTo) => signals.Reset();

    public void Committed(ProjectionBatch batch)
    {
        if (_batchToQueued.TryGetValue(batch, out var queued))
            signals.Queued(queued);
        else if (batch.Facts.Count > 0)
            // A part of a batch that was announced before a crash of PostgreSQL.
            signals.Reset();
    }

    /// <summary>What needs no row any more; everything for a service that nobody follows yet.</summary>
    private async ValueTask<long> DeliveredAsync(string service, CancellationToken cancellationToken)
    {
        var stream = new StreamName(StreamCategories.Appservice, service);
        await foreach (var record in log.ReadStreamAsync(stream, null, ReadDirection.Backwards, 1, cancellationToken))
        {
            _followed[service] = true;
            return FactCodec.Decode(record.Type, record.Data) switch
            {
                AppserviceTransactionBegun fact => fact.DeliveredUpTo,
                AppserviceTransactionDelivered fact => fact.UpTo,
                AppserviceDeliveryFailed fact => fact.DeliveredUpTo,
                _ => 0,
            };
        }
        return long.MaxValue;
    }
}

/// <summary>Tells the sender that something waits.</summary>
public sealed class AppserviceSignals
{
    private volatile Action<IReadOnlyCollection<string>?>? _listener;

    /// <summary>Shape: null means that any service may have something.</summary>
    public void Listen(Action<IReadOnlyCollection<string>?>? listener) => _listener = listener;

    internal void Queued(IReadOnlyCollection<string> services)
    {
        if (services.Count > 0)
            _listener?.Invoke(services);
    }

    internal void Reset() => _listener?.Invoke(null);
}
