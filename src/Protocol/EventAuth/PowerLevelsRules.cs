namespace Matrix.EventSourced.Protocol.EventAuth;

/// <summary>Rule 10 (versions 6 to 11: 9): changes of the power levels. Nobody touches or gives more than their own
/// level.</summary>
internal static class PowerLevelsRules
{
    public static AuthOutcome Check(AuthContext context)
    {
        if (PowerLevelsShape.FindViolation(context) is { } violation)
            return violation;
        // 10.2 (10: 9.4, 12: 10.5)
        if (context.Levels.Content is not { } current)
            return context.Allow(AuthRule.NoLevelsBefore);
        var next = new PowerLevelsContent(context.Content, context.Rules);
        return CheckNamed(context, current, next)
            ?? CheckEvents(context, current.Events, next.Events)
            ?? CheckNotifications(context, current, next)
            ?? CheckUsers(context, current, next)
            ?? context.Allow(AuthRule.PowerLevelsOtherwise);
    }

    /// <summary>10.3 (10: 9.5, 12: 10.6): the seven levels at the top.</summary>
    private static AuthOutcome? CheckNamed(AuthContext context, PowerLevelsContent current, PowerLevelsContent next)
    {
        for (var index = 0; index < PowerLevelsContent.NamedLevelCount; index++)
        {
            var (before, after) = (current[(NamedLevel)index], next[(NamedLevel)index]);
            if (before == after)
                continue;
            if (before > context.SenderLevel)
                return context.Refuse(AuthRule.LevelsCurrent, "A level that changes is above the sender's.");
            if (after > context.SenderLevel)
                return context.Refuse(AuthRule.LevelsNew, "A level would be set above the sender's.");
        }
        return null;
    }

    /// <summary>10.4 and 10.5, for <c>events</c> and, from version 6 on, for <c>notifications</c>.</summary>
    private static AuthOutcome? CheckEvents(
        AuthContext context, IReadOnlyDictionary<string, long> current, IReadOnlyDictionary<string, long> next)
    {
        // 10.4 (10: 9.6, 12: 10.7)
        foreach (var (name, before) in current)
        {
            if (IsChanged(before, name, next) && before > context.SenderLevel)
                return context.Refuse(
                    AuthRule.EventsCurrent, "The level of an event or notification that changes is above the sender's.");
        }
        // 10.5 (10: 9.7, 12: 10.8)
        foreach (var (name, after) in next)
        {
            if (IsChanged(after, name, current) && after > context.SenderLevel)
                return context.Refuse(
                    AuthRule.EventsNew, "The level of an event or notification would be set above the sender's.");
        }
        return null;
    }

    private static AuthOutcome? CheckNotifications(AuthContext context, PowerLevelsContent current,
        PowerLevelsContent next) =>
        context.Rules.NotificationLevelsAreChecked ? CheckEvents(context, current.Notifications, next.Notifications)
            : null;

    private static AuthOutcome? CheckUsers(AuthContext context, PowerLevelsContent current, PowerLevelsContent next)
    {
        // 10.6 (10: 9.8, 12: 10.9)
        foreach (var (user, before) in current.Users)
        {
            if (IsChanged(before, user, next.Users) && user != context.Pdu.Sender.Value
                && before >= context.SenderLevel)
                return context.Refuse(
                    AuthRule.UsersCurrent, "The level of another user that changes is not below the sender's.");
        }
        // 10.7 (10: 9.9, 12: 10.10)
        foreach (var (user, after) in next.Users)
        {
            if (IsChanged(after, user, current.Users) && after > context.SenderLevel)
                return context.Refuse(AuthRule.UsersNew, "The level of a user would be set above the sender's.");
        }
        return null;
    }

    private static bool IsChanged(long level, string name, IReadOnlyDictionary<string, long> other) =>
        !other.TryGetValue(name, out var otherLevel) || otherLevel != level;
}
