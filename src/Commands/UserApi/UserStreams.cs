using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>The three streams of a user, and the one that all share.</summary>
public static class UserStreams
{
    public static StreamName Account(UserId user) => new(StreamCategories.User, user.Value);

    public static StreamName Credentials(UserId user) => new(StreamCategories.Credentials, user.Value);

    /// <summary>The reports of all users.</summary>
    public static StreamName Reports { get; } = new(StreamCategories.Reports, "log");

    public static StreamName AccountData(UserId user) => new(StreamCategories.AccountData, user.Value);
}
