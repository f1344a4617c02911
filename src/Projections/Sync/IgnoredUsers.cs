using System.Collections.Frozen;
using System.Text.Json;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.Sync;

/// <summary>Whom a user ignores: the account data <c>m.ignored_user_list</c>, read again when it may have
/// changed.</summary>
/// <remarks>Spec: v1.19 client-server-api #ignoring-users. Cost: nothing between changes of the user's account data.
/// </remarks>
internal sealed class IgnoredUsers(LiveView live, IAccountDataQueries accountData, IProjectionGate gate)
{
    public const string AccountDataType = "m.ignored_user_list";

    public static readonly IReadOnlySet<string> Nobody = FrozenSet<string>.Empty;

    private static readonly string[] UserApiOnly = [UserApiProjection.ProjectionName];

    public async ValueTask<IReadOnlySet<string>> OfAsync(
        UserFeed feed, UserId user, long position, CancellationToken cancellationToken)
    {
        var known = feed.Ignored;
        if (live.LastNewsOf(feed).AccountData <= known.AsOf)
            return known.UserIds;
        await gate.WaitForAsync(UserApiOnly, new((ulong)position), cancellationToken);
        var content = await accountData.FindAsync(user, null, AccountDataType, cancellationToken);
        var ignored = content is { } utf8 ? Parse(utf8) : Nobody;
        feed.Ignored = (ignored, position);
        return ignored;
    }

    /// <summary>What is no list ignores nobody: the content is the client's own.</summary>
    internal static IReadOnlySet<string> Parse(ReadOnlyMemory<byte> utf8)
    {
        using var document = JsonDocument.Parse(utf8, new() { MaxDepth = Protocol.Limits.JsonDepthMax });
        if (document.RootElement.ValueKind != JsonValueKind.Object
            || !document.RootElement.TryGetProperty("ignored_users"u8, out var users)
            || users.ValueKind != JsonValueKind.Object)
            return Nobody;
        return users.EnumerateObject().Select(user => user.Name).ToFrozenSet(StringComparer.Ordinal);
    }
}
