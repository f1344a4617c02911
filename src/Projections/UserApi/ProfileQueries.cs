using System.Text;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.UserApi;

/// <summary>Accounts and their profiles, from one document.</summary>
public sealed class ProfileQueries(IDocumentStoreAccess documents) : IProfileQueries, IAccountQueries
{
    /// <summary>LIMIT: documents of one question. Ours: few round trips, and little memory.</summary>
    private const int DocumentsAtOnce = 500;

    async ValueTask<Profile?> IProfileQueries.FindAsync(UserId user, CancellationToken cancellationToken)
    {
        var document = await LoadAsync(user, cancellationToken);
        if (document is null || document.IsDeactivated)
            return null;
        var fields = new List<KeyValuePair<string, ReadOnlyMemory<byte>>>(document.Profile.Count);
        foreach (var (field, value) in document.Profile)
            fields.Add(new(field, Encoding.UTF8.GetBytes(value)));
        // The order is chosen: it does not depend on how the document was read.
        fields.Sort(static (left, right) => string.CompareOrdinal(left.Key, right.Key));
        return new Profile(fields);
    }

    async ValueTask<Account?> IAccountQueries.FindAsync(UserId user, CancellationToken cancellationToken) =>
        await LoadAsync(user, cancellationToken) is { } document
            ? new Account(user, document.IsGuest, document.IsAdmin, document.IsDeactivated)
            {
                IsLocked = document.IsLocked,
                IsSuspended = document.IsSuspended,
            }
            : null;

    async ValueTask<IReadOnlyList<UserId>> IAccountQueries.GuestsAmongAsync(
        IReadOnlyList<UserId> users, CancellationToken cancellationToken)
    {
        var guests = new List<UserId>();
        await using var session = documents.QuerySession(UserApiProjection.ProjectionName);
        foreach (var some in users.Chunk(DocumentsAtOnce))
        {
            var found = await session.LoadManyAsync<AccountDocument>(
                cancellationToken, some.Select(user => user.Value).ToArray());
            var ids = found.Where(document => document.IsGuest).Select(document => document.Id).ToHashSet();
            guests.AddRange(some.Where(user => ids.Contains(user.Value)));
        }
        return guests;
    }

    private async ValueTask<AccountDocument?> LoadAsync(UserId user, CancellationToken cancellationToken)
    {
        await using var session = documents.QuerySession(UserApiProjection.ProjectionName);
        return await session.LoadAsync<AccountDocument>(user.Value, cancellationToken);
    }
}
