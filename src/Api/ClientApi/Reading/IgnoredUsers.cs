using System.Text.Json;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.Reading;

/// <summary>Whom a user ignores.</summary>
/// <remarks>Spec: v1.19 client-server-api #ignoring-users. A list of another shape ignores nobody.</remarks>
internal sealed class IgnoredUsers(IAccountDataQueries accountData, IProjectionGate gate)
{
    private const string ListType = "m.ignored_user_list";

    public async ValueTask<IReadOnlyCollection<string>> OfAsync(UserId userId, CancellationToken cancellationToken)
    {
        await gate.WaitForHeadAsync(UserApiProjection.Gate, cancellationToken);
        if (await accountData.FindAsync(userId, null, ListType, cancellationToken) is not { } content)
            return [];
        using var document = JsonDocument.Parse(content, new() { MaxDepth = Limits.JsonDepthMax });
        if (document.RootElement.ValueKind != JsonValueKind.Object
            || !document.RootElement.TryGetProperty("ignored_users"u8, out var users)
            || users.ValueKind != JsonValueKind.Object)
        {
            return [];
        }
        var ignored = new HashSet<string>();
        foreach (var user in users.EnumerateObject())
        {
            // Nobody can ignore themselves away.
            if (UserId.TryParse(user.Name, out var id) && id != userId)
                ignored.Add(id.Value);
        }
        return ignored;
    }
}
