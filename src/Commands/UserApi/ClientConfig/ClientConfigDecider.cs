using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.PushRules;

namespace Matrix.EventSourced.Commands.UserApi.ClientConfig;

/// <summary>Decides on account data that is not simply replaced. Pure.</summary>
public static class ClientConfigDecider
{
    /// <summary>A tag of a room is set, or taken off where <paramref name="value"/> is null.</summary>
    /// <remarks>Errors: M_TOO_LARGE when the tags of the room would be more than account data may hold.</remarks>
    public static Decision SetTag(
        ClientConfigState state, UserId userId, RoomId roomId, string tag, RawJson? value)
    {
        RawJson? before = state.RoomIdToTags.TryGetValue(roomId, out var tags) ? tags : null;
        if (value is null && (before is null || !RoomTags.Has(before.Value, tag)))
            return Decision.Nothing;
        var after = RoomTags.With(before, tag, value);
        if (before == after)
            return Decision.Nothing;
        return after.Utf8.Length > Limits.AccountDataBytesMax
            ? MatrixError.TooLarge($"Account data may be at most {Limits.AccountDataBytesMax} bytes large.")
            : Decision.Accept(new AccountDataSet(userId, roomId, ClientConfigState.TagType, after));
    }

    /// <summary>The whole ruleset is recorded as /sync delivers it, predefined rules and all.</summary>
    /// <remarks>Errors: those of the change; M_TOO_LARGE above <see cref="Limits.PushRulesBytesMax"/>.</remarks>
    public static Decision ChangePushRules(ClientConfigState state, UserId userId, PushRuleChange change)
    {
        var before = PushRuleset.For(userId, state.PushRules?.Utf8);
        var (after, error) = change.ApplyTo(before);
        if (after is null)
            return error!;
        var content = new RawJson(after.ToContent());
        if (content == new RawJson(before.ToContent()))
            return Decision.Nothing;
        return content.Utf8.Length > Limits.PushRulesBytesMax
            ? MatrixError.TooLarge($"Push rules may be at most {Limits.PushRulesBytesMax} bytes large.")
            : Decision.Accept(new AccountDataSet(userId, null, ClientConfigState.PushRulesType, content));
    }
}
