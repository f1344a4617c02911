using System.Globalization;
using System.Text;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.Sync;

namespace Matrix.EventSourced.Projections.Tests.Sync;

/// <summary>A client that believes only what /sync tells it: a model of each room's state and of where the user
/// is.</summary>
internal sealed class SyncClient(bool useStateAfter)
{
    public Dictionary<string, SortedDictionary<string, string>> RoomIdToState { get; } = [];
    public SortedSet<string> Joined { get; } = new(StringComparer.Ordinal);
    public SortedSet<string> Invited { get; } = new(StringComparer.Ordinal);
    public long? Token { get; private set; }

    public void Take(SyncAnswer answer)
    {
        foreach (var room in answer.Joined)
        {
            if (Joined.Add(room.RoomId))
                RoomIdToState[room.RoomId] = new(StringComparer.Ordinal);
            Invited.Remove(room.RoomId);
            Apply(room);
        }
        foreach (var room in answer.Left)
        {
            Joined.Remove(room.RoomId);
            Invited.Remove(room.RoomId);
        }
        foreach (var invite in answer.Invited)
        {
            Joined.Remove(invite.RoomId);
            Invited.Add(invite.RoomId);
        }
        Token = answer.NextBatch;
    }

    private void Apply(SyncRoom room)
    {
        var state = RoomIdToState[room.RoomId];
        foreach (var stored in room.State)
            state[Key(stored)] = stored.EventId;
        if (useStateAfter)
            return;
        foreach (var stored in room.Timeline)
        {
            if (stored.StateKey is not null)
                state[Key(stored)] = stored.EventId;
        }
    }

    public static string Key(StoredEvent stored) => $"{stored.Type}|{stored.StateKey}";

    /// <summary>An answer as text, so that two of them can be compared.</summary>
    public static string Describe(SyncAnswer answer)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"next {answer.NextBatch}\n");
        foreach (var (kind, rooms) in (
            ReadOnlySpan<(string, List<SyncRoom>)>)[("join", answer.Joined), ("leave", answer.Left)])
        {
            foreach (var room in rooms)
            {
                text.Append(
                    CultureInfo.InvariantCulture,
                    $"{kind} {room.RoomId} limited {room.IsLimited} prev {room.PrevBatch}");
                if (room.Summary is { } summary)
                    text.Append(
                        CultureInfo.InvariantCulture,
                        $" {summary.Joined}/{summary.Invited} {string.Join(',', summary.Heroes)}");
                text.Append("\n  state").AppendJoin("", room.State.Select(Describe));
                text.Append("\n  timeline").AppendJoin("", room.Timeline.Select(Describe)).Append('\n');
            }
        }
        foreach (var invite in answer.Invited)
            text.Append(
                CultureInfo.InvariantCulture,
                $"invite {invite.RoomId} {Encoding.UTF8.GetString(invite.StrippedState.Span)}\n");
        return text.ToString();
    }

    private static string Describe(StoredEvent stored) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"\n    {stored.EventId}@{stored.Position} {Encoding.UTF8.GetString(stored.Json.Span)} "
            + $"{stored.TransactionId} {stored.Replaced} {Body(stored.Replaced)} {stored.RedactedBy} {Body(stored.Redaction)}");

    private static string Body(StoredEventBody? body) => body is null ? "-" : Encoding.UTF8.GetString(body.Json.Span);
}
