using System.Collections.Frozen;
using System.Text.Json;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.AccountData;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.Sync;

/// <summary>Whom a user ignores and whether they want no invites: account data, read again when it may have
/// changed.</summary>
/// <remarks>Spec: v1.19 client-server-api #ignoring-users, #invite-permission. Cost: nothing between changes of the
/// user's account data.</remarks>
internal sealed class UnwantedSenders(LiveView live, IAccountDataQueries accountData, IProjectionGate gate)
{
    public const string AccountDataType = "m.ignored_user_list";

    public static readonly IReadOnlySet<string> Nobody = FrozenSet<string>.Empty;

    private static readonly string[] UserApiOnly = [UserApiProjection.ProjectionName];

    public async ValueTask<(IReadOnlySet<string> Ignored, bool BlocksInvites)> OfAsync(
        UserFeed feed, UserId user, long position, CancellationToken cancellationToken)
    {
        var known = feed.Unwanted;
        if (live.LastNewsOf(feed).AccountData <= known.AsOf)
            return (known.Ignored, known.BlocksInvites);
        await gate.WaitForAsync(UserApiOnly, new((ulong)position), cancellationToken);
        var content = await accountData.FindAsync(user, null, AccountDataType, cancellationToken);
        var ignored = content is { } utf8 ? Parse(utf8, user) : Nobody;
        var permission = await accountData.FindAsync(user, null, InvitePermission.Type, cancellationToken);
        var blocksInvites = permission is { } config && InvitePermission.Blocks(config);
        feed.Unwanted = (ignored, blocksInvites, position);
        return (ignored, blocksInvites);
    }

    /// <summary>What is no list ignores nobody: the content is the client's own. Nobody can ignore themselves
    /// away.</summary>
    internal static IReadOnlySet<string> Parse(ReadOnlyMemory<byte> utf8, UserId owner)
    {
        using var document = JsonDocument.Parse(utf8, new() { MaxDepth = Protocol.Limits.JsonDepthMax });
        if (document.RootElement.ValueKind != JsonValueKind.Object
            || !document.RootElement.TryGetProperty("ignored_users"u8, out var users)
            || users.ValueKind != JsonValueKind.Object)
            return Nobody;
        return users.EnumerateObject()
            .Select(user => user.Name)
            .Where(user => user != owner.Value)
            .ToFrozenSet(StringComparer.Ordinal);
    }
}
