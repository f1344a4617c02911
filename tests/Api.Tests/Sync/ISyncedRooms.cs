using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Sync;

/// <summary>A client that believes nothing but what its kind of sync says.</summary>
internal interface ISyncedRooms
{
    TestUser User { get; }

    string Kind { get; }

    /// <summary>Whether it can know the state of rooms that fork.</summary>
    bool KnowsForks { get; }

    /// <summary>Type and state key → event id; null for a room that it believes it is not in.</summary>
    SortedDictionary<string, string>? StateOf(string roomId);

    /// <summary>Asks once; <paramref name="isSettling"/> asks for all of it, else chance may leave something
    /// out.</summary>
    Task PollAsync(int timeoutMs, bool isSettling);
}
