using System.Collections.Immutable;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.EduServer;

/// <summary>Decides what is written to <c>typing-…</c>. Pure.</summary>
/// <remarks>Spec: v1.19 client-server-api #typing-notifications.</remarks>
public static class TypingDecider
{
    /// <summary>A user types, until then; who typed already goes on for longer.</summary>
    /// <remarks>Ensures: in a room where too many type, one more changes nothing.</remarks>
    public static Decision Start(TypingState state, RoomId room, UserId user, long untilMs)
    {
        var index = IndexOf(state, user);
        if (index < 0 && state.Typists.Length >= Limits.TypistsMax)
            return Decision.Nothing;
        var typist = new Typist(user, untilMs);
        var typists = index < 0 ? state.Typists.Add(typist) : state.Typists.SetItem(index, typist);
        return Decision.Accept(new TypingChanged(room, user, IsTyping: true, IsContinued: index >= 0, typists));
    }

    public static Decision Stop(TypingState state, RoomId room, UserId user)
    {
        var index = IndexOf(state, user);
        return index < 0 ? Decision.Nothing : Decision.Accept(Stopped(room, user, state.Typists.RemoveAt(index)));
    }

    /// <summary>Those whose time is over stop, each with a fact of their own.</summary>
    public static Decision Expire(TypingState state, RoomId room, long nowMs)
    {
        var facts = ImmutableArray.CreateBuilder<IFact>();
        var left = state.Typists;
        foreach (var typist in state.Typists)
        {
            if (typist.UntilMs > nowMs)
                continue;
            left = left.Remove(typist);
            facts.Add(Stopped(room, typist.UserId, left));
        }
        return Decision.Accept(facts.ToImmutable());
    }

    private static TypingChanged Stopped(RoomId room, UserId user, ImmutableArray<Typist> left) =>
        new(room, user, IsTyping: false, IsContinued: false, left);

    private static int IndexOf(TypingState state, UserId user)
    {
        for (var index = 0; index < state.Typists.Length; index++)
        {
            if (state.Typists[index].UserId == user)
                return index;
        }
        return -1;
    }
}
