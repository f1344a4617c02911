using System.Text;
using Marten;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.PushRules;

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
        await using var session = documents.QuerySession(UserApiProjection.ProjectionName);
        var document = await session.LoadAsync<AccountDataDocument>(
            AccountDataDocument.IdOf(user.Value, room?.Value ?? string.Empty, type), cancellationToken);
        if (room is null && type == PushRulesType)
            return PushRules(user, document);
        if (document is null)
            return null;
        return Encoding.UTF8.GetBytes(document.Content);
    }

    private async ValueTask<IReadOnlyList<AccountDataEntry>> ReadAsync(
        UserId user, long after, long upTo, CancellationToken cancellationToken)
    {
        await using var session = documents.QuerySession(UserApiProjection.ProjectionName);
        var entries = new List<AccountDataEntry>();
        var userId = user.Value;
        var found = await session.Query<AccountDataDocument>()
            .Where(data => data.UserId == userId && data.Position > after && data.Position <= upTo)
            .OrderBy(data => data.Position)
            .ToListAsync(cancellationToken);
        var account = await session.LoadAsync<AccountDocument>(userId, cancellationToken);
        if (account is not null && account.RegisteredAt > after && account.RegisteredAt <= upTo
            && !found.Any(IsPushRules))
        {
            entries.Add(new AccountDataEntry(
                null, PushRulesType, PushRules(user, null), new LogPosition((ulong)account.RegisteredAt)));
        }
        foreach (var document in found)
        {
            entries.Add(new AccountDataEntry(
                document.RoomId.Length == 0 ? null : RoomId.Parse(document.RoomId),
                document.Type,
                IsPushRules(document) ? PushRules(user, document) : Encoding.UTF8.GetBytes(document.Content),
                new LogPosition((ulong)document.Position)));
        }
        return entries;
    }

    private static bool IsPushRules(AccountDataDocument document) =>
        document.RoomId.Length == 0 && document.Type == PushRulesType;

    private static byte[] PushRules(UserId user, AccountDataDocument? stored) =>
        PushRuleset.For(user, stored is null ? default(ReadOnlyMemory<byte>?) : Encoding.UTF8.GetBytes(stored.Content))
            .ToContent();
}
