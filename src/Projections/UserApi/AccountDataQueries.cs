using System.Text;
using Marten;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.UserApi;

/// <inheritdoc/>
public sealed class AccountDataQueries(IDocumentStoreAccess documents, AccountDataRecency recency) : IAccountDataQueries
{
    public const string PushRulesType = "m.push_rules";

    public async ValueTask<IReadOnlyList<AccountDataEntry>> ChangedAsync(
        UserId user, LogPosition afterPosition, LogPosition upTo, CancellationToken cancellationToken)
    {
        if (!recency.MayHaveChanged(user, afterPosition))
            return [];
        return await ReadAsync(
            user, (long)afterPosition.Value, (long)Math.Min(upTo.Value, long.MaxValue), cancellationToken);
    }

    public async ValueTask<IReadOnlyList<AccountDataEntry>> AllAsync(
        UserId user, CancellationToken cancellationToken) =>
        await ReadAsync(user, -1, long.MaxValue, cancellationToken);

    public async ValueTask<ReadOnlyMemory<byte>?> FindAsync(
        UserId user, RoomId? room, string type, CancellationToken cancellationToken)
    {
        if (room is null && type == PushRulesType)
            return PredefinedPushRules.ContentFor(user);
        await using var session = documents.QuerySession(UserApiProjection.ProjectionName);
        var document = await session.LoadAsync<AccountDataDocument>(
            AccountDataDocument.IdOf(user.Value, room?.Value ?? string.Empty, type), cancellationToken);
        if (document is null)
            return null;
        return Encoding.UTF8.GetBytes(document.Content);
    }

    private async ValueTask<IReadOnlyList<AccountDataEntry>> ReadAsync(
        UserId user, long after, long upTo, CancellationToken cancellationToken)
    {
        await using var session = documents.QuerySession(UserApiProjection.ProjectionName);
        var entries = new List<AccountDataEntry>();
        var account = await session.LoadAsync<AccountDocument>(user.Value, cancellationToken);
        if (account is not null && account.RegisteredAt > after && account.RegisteredAt <= upTo)
        {
            entries.Add(new AccountDataEntry(
                null, PushRulesType, PredefinedPushRules.ContentFor(
                    user), new LogPosition((ulong)account.RegisteredAt)));
        }
        var userId = user.Value;
        var found = await session.Query<AccountDataDocument>()
            .Where(data => data.UserId == userId && data.Position > after && data.Position <= upTo)
            .OrderBy(data => data.Position)
            .ToListAsync(cancellationToken);
        foreach (var document in found)
        {
            entries.Add(new AccountDataEntry(
                document.RoomId.Length == 0 ? null : RoomId.Parse(document.RoomId),
                document.Type,
                Encoding.UTF8.GetBytes(document.Content),
                new LogPosition((ulong)document.Position)));
        }
        return entries;
    }
}
