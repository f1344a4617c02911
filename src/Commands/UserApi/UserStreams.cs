using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>The three streams of a user.</summary>
public static class UserStreams
{
    public static StreamName Account(UserId user) => new(StreamCategories.User, user.Value);

    public static StreamName Credentials(UserId user) => new(StreamCategories.Credentials, user.Value);

    public static StreamName AccountData(UserId user) => new(StreamCategories.AccountData, user.Value);
}
