using Matrix.EventSourced.Facts.PublicRooms;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.Tests.Roomserver;

/// <summary>Lives in a few rooms at random: the same seed makes the same log.</summary>
internal sealed class RandomRooms(int seed)
{
    public static readonly string[] Users = ["@ada:t", "@bob:t", "@cyd:t", "@dan:t"];
    private static readonly string[] Visibilities = ["shared", "joined", "invited", "world_readable"];

    private readonly Random _random = new(seed);

    public TestLog Log { get; } = new();
    public List<TestRoom> Rooms { get; } = [];

    public void Step()
    {
        if (Rooms.Count < 3 && (Rooms.Count == 0 || _random.Next(20) == 0))
        {
            Rooms.Add(new(Log, $"!room{Rooms.Count}:t", Pick(Users), Pick(Visibilities)));
            return;
        }
        var room = Pick(Rooms);
        var user = Pick(Users);
        var membership = room.Members.GetValueOrDefault(user);
        switch (_random.Next(15))
        {
            case 0 when membership is not "ban" && user != room.Creator:
                room.Member(user, user, "join", $"name{_random.Next(5)}");
                break;
            case 1 when membership is "join" or "invite" && user != room.Creator:
                room.Member(user, user, "leave");
                break;
            case 2 when membership is null or "leave":
                room.Member(room.Creator, user, "invite");
                break;
            case 3 when user != room.Creator:
                room.Member(room.Creator, user, membership == "ban" ? "leave" : "ban");
                break;
            case 4:
                room.Send("m.room.name", "", room.Creator, $$"""{"name":"n{{_random.Next(9)}}"}""");
                break;
            case 5 when room.Messages.Count > 0:
                room.Redact(room.Creator, Pick(room.Messages).Id);
                break;
            case 6:
                room.Send(
                    "m.room.history_visibility",
                    "",
                    room.Creator,
                    $$"""{"history_visibility":"{{Pick(Visibilities)}}"}""");
                break;
            case 7 when membership == "leave":
                Log.Add(new RoomForgotten(UserId.Parse(user), RoomId.Parse(room.RoomId)));
                break;
            case 8:
                AddDirectoryFact(room);
                break;
            case 10 when room.Messages.Count > 0:
                Relate(room, room.Members.GetValueOrDefault(user) == "join" ? user : room.Creator);
                break;
            case 11:
                room.RedactAhead(room.Creator, $"regretted{_random.Next(9)}");
                break;
            case 9:
                room.Send("m.room.message", null, room.Creator, "{}", disposition: PduDisposition.SoftFailed);
                break;
            default:
                var sender = room.Members.GetValueOrDefault(user) == "join" ? user : room.Creator;
                room.Message(sender, $"m{_random.Next(1000)}", _random.Next(2) == 0 ? null : $"t{Log.Head}");
                break;
        }
    }

    private void Relate(TestRoom room, string sender)
    {
        var type = Pick(["m.replace", "m.thread", "m.reference", "m.annotation"]);
        var relation = $$"""{"event_id":"{{Pick(room.Messages).Id}}","rel_type":"{{type}}","key":"k"}""";
        var content = $$"""{"body":"r","m.new_content":{},"m.relates_to":{{relation}}}""";
        room.Messages.Add((room.Send("m.room.message", null, sender, content), sender));
    }

    private void AddDirectoryFact(TestRoom room)
    {
        var (alias, id, user) = (
            RoomAlias.Parse($"#x{_random.Next(3)}:t"), RoomId.Parse(room.RoomId), UserId.Parse(room.Creator));
        Log.Add(_random.Next(4) switch
        {
            0 => new AliasCreated(alias, id, user),
            1 => new AliasDeleted(alias, id, user),
            2 => new RoomVisibilityChanged(id, true, user),
            _ => new RoomVisibilityChanged(id, false, user),
        });
    }

    private T Pick<T>(IReadOnlyList<T> values) => values[_random.Next(values.Count)];
}
