using System.Text;
using Marten;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Projections.Hosting;

namespace Matrix.EventSourced.Projections.UserApi;

/// <summary>A batch of facts, folded into the documents that it leaves behind.</summary>
/// <remarks>
/// Shape: a null document means that it is deleted. Ordered by key, so that the same facts write the same rows in the
/// same order.
/// </remarks>
internal sealed class UserBatch
{
    private readonly SortedDictionary<string, AccountDocument> _accounts = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, DeviceDocument?> _devices = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, FilterDocument> _filters = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, AccountDataDocument> _accountData = new(StringComparer.Ordinal);

    private readonly SortedDictionary<string, PusherDocument?> _pushers = new(StringComparer.Ordinal);

    private UserBatch()
    {
    }

    /// <summary>The last credentials of each user in the batch.</summary>
    public SortedDictionary<string, CredentialsChanged> Credentials { get; } = new(StringComparer.Ordinal);

    /// <summary>The users who were locked or suspended in the batch, or are no longer.</summary>
    public SortedSet<string> Moderated { get; } = new(StringComparer.Ordinal);

    public AccountDocument? FindAccount(string userId) => _accounts.GetValueOrDefault(userId);

    public static async ValueTask<UserBatch> FoldAsync(
        IReadOnlyList<DecodedRecord> facts, IQuerySession session, CancellationToken cancellationToken)
    {
        var batch = new UserBatch();
        await batch.LoadAsync(facts, session, cancellationToken);
        foreach (var record in facts)
            batch.Apply(record);
        return batch;
    }

    public void StoreIn(IDocumentSession session)
    {
        session.Store(_accounts.Values.AsEnumerable());
        session.Store(_filters.Values.AsEnumerable());
        session.Store(_accountData.Values.AsEnumerable());
        foreach (var (id, device) in _devices)
        {
            if (device is null)
                session.Delete<DeviceDocument>(id);
            else
                session.Store(device);
        }
        foreach (var (id, pusher) in _pushers)
        {
            if (pusher is null)
                session.Delete<PusherDocument>(id);
            else
                session.Store(pusher);
        }
    }

    private async ValueTask LoadAsync(
        IReadOnlyList<DecodedRecord> facts, IQuerySession session, CancellationToken cancellationToken)
    {
        var accounts = new SortedSet<string>(StringComparer.Ordinal);
        var devices = new SortedSet<string>(StringComparer.Ordinal);
        var pushersOf = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var record in facts)
        {
            switch (record.Fact)
            {
                case AccountRegistered registered:
                    accounts.Add(registered.UserId.Value);
                    break;
                case ProfileChanged changed:
                    accounts.Add(changed.UserId.Value);
                    break;
                case AccountLocked changed:
                    accounts.Add(changed.UserId.Value);
                    break;
                case AccountSuspended changed:
                    accounts.Add(changed.UserId.Value);
                    break;
                case CredentialsChanged changed:
                    accounts.Add(changed.UserId.Value);
                    break;
                case DeviceDeleted deleted:
                    pushersOf.Add(deleted.UserId.Value);
                    break;
                case DeviceRenamed renamed:
                    devices.Add(DeviceDocument.IdOf(renamed.UserId.Value, renamed.DeviceId));
                    break;
            }
        }
        if (accounts.Count > 0)
        {
            foreach (var account in await session.LoadManyAsync<AccountDocument>(cancellationToken, accounts))
                _accounts[account.Id] = account;
        }
        if (devices.Count > 0)
        {
            foreach (var device in await session.LoadManyAsync<DeviceDocument>(cancellationToken, devices))
                _devices[device.Id] = device;
        }
        if (pushersOf.Count > 0)
            await LoadPushersAsync([.. pushersOf], session, cancellationToken);
    }

    /// <summary>The pushers of users who lost a device: some of them may go with it.</summary>
    private async ValueTask LoadPushersAsync(
        string[] users, IQuerySession session, CancellationToken cancellationToken)
    {
        var found = await session.Query<PusherDocument>()
            .Where(pusher => pusher.UserId.IsOneOf(users))
            .ToListAsync(cancellationToken);
        foreach (var pusher in found)
            _pushers[pusher.Id] = pusher;
    }

    private void Apply(DecodedRecord record)
    {
        var position = (long)record.Record.Position.Value;
        switch (record.Fact)
        {
            case AccountRegistered registered:
                _accounts[registered.UserId.Value] = new AccountDocument
                {
                    Id = registered.UserId.Value,
                    IsGuest = registered.Kind == AccountKind.Guest,
                    IsAdmin = registered.IsAdmin,
                    RegisteredAt = position,
                };
                break;
            case AccountLocked changed:
                Moderate(changed.UserId.Value, account => account.IsLocked = changed.IsLocked);
                break;
            case AccountSuspended changed:
                Moderate(changed.UserId.Value, account => account.IsSuspended = changed.IsSuspended);
                break;
            case ProfileChanged changed:
                Apply(changed);
                break;
            case DeviceCreated created:
                var device = new DeviceDocument
                {
                    Id = DeviceDocument.IdOf(created.UserId.Value, created.DeviceId),
                    UserId = created.UserId.Value,
                    DeviceId = created.DeviceId,
                    DisplayName = created.DisplayName,
                };
                _devices[device.Id] = device;
                break;
            case DeviceRenamed renamed:
                if (_devices.GetValueOrDefault(
                    DeviceDocument.IdOf(renamed.UserId.Value, renamed.DeviceId)) is { } known)
                    known.DisplayName = renamed.DisplayName;
                break;
            case DeviceDeleted deleted:
                _devices[DeviceDocument.IdOf(deleted.UserId.Value, deleted.DeviceId)] = null;
                DeletePushersOf(deleted);
                break;
            case PusherSet set:
                Apply(set, position);
                break;
            case PusherDeleted deleted:
                _pushers[PusherDocument.IdOf(deleted.UserId.Value, deleted.AppId, deleted.PushKey)] = null;
                break;
            case FilterStored stored:
                var filterId = FilterDocument.IdOf(stored.UserId.Value, stored.FilterId);
                _filters[filterId] = new FilterDocument { Id = filterId, Filter = Text(stored.Filter) };
                break;
            case AccountDataSet set:
                Apply(set, position);
                break;
            case CredentialsChanged changed:
                Credentials[changed.UserId.Value] = changed;
                if (_accounts.TryGetValue(changed.UserId.Value, out var account))
                    account.IsDeactivated = changed.IsDeactivated;
                break;
        }
    }

    private void Moderate(string userId, Action<AccountDocument> change)
    {
        if (!_accounts.TryGetValue(userId, out var account))
            return;
        change(account);
        Moderated.Add(userId);
    }

    private void DeletePushersOf(DeviceDeleted device)
    {
        var gone = _pushers
            .Where(one => one.Value?.UserId == device.UserId.Value && one.Value.DeviceId == device.DeviceId)
            .Select(one => one.Key)
            .ToList();
        foreach (var id in gone)
            _pushers[id] = null;
    }

    private void Apply(PusherSet set, long position)
    {
        var id = PusherDocument.IdOf(set.UserId.Value, set.AppId, set.PushKey);
        _pushers[id] = new PusherDocument
        {
            Id = id,
            UserId = set.UserId.Value,
            DeviceId = set.DeviceId,
            AppId = set.AppId,
            PushKey = set.PushKey,
            Content = Text(set.Pusher),
            Position = position,
        };
    }

    private void Apply(ProfileChanged changed)
    {
        if (!_accounts.TryGetValue(changed.UserId.Value, out var account))
            return;
        if (changed.Value is { } value)
            account.Profile[changed.Field] = Text(value);
        else
            account.Profile.Remove(changed.Field);
    }

    private void Apply(AccountDataSet set, long position)
    {
        var room = set.RoomId?.Value ?? string.Empty;
        var id = AccountDataDocument.IdOf(set.UserId.Value, room, set.Type);
        _accountData[id] = new AccountDataDocument
        {
            Id = id,
            UserId = set.UserId.Value,
            RoomId = room,
            Type = set.Type,
            Content = Text(set.Content),
            Position = position,
        };
    }

    private static string Text(RawJson json) => Encoding.UTF8.GetString(json.Utf8.Span);
}
