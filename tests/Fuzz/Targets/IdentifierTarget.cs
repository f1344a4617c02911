using System.Text;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.Signing;
using static Matrix.EventSourced.Fuzz.BrokenLawException;

namespace Matrix.EventSourced.Fuzz.Targets;

/// <summary>Identifiers of every kind, from text that need not even be UTF-16.</summary>
internal sealed class IdentifierTarget : IFuzzTarget
{
    private static readonly ServerName Server = ServerName.Parse("example.org");

    public string Name => "identifiers";

    public IReadOnlyList<string> Dictionary { get; } =
    [
        "@a:", "!a:", "$a:", "#a:", "example.org", ":8448", "[::1]", "1.2.3.4", "256.1.1.1", "ed25519:", "%eth0", "::",
    ];

    public string Run(ReadOnlyMemory<byte> input)
    {
        var bytes = input.Span;
        // Odd lengths are read as UTF-8, even ones as UTF-16, which brings half surrogates.
        var text = bytes.Length % 2 == 1 ? Encoding.UTF8.GetString(bytes) : new string(System.Runtime.InteropServices
            .MemoryMarshal.Cast<byte, char>(bytes));
        var outcome = Check<UserId>(text) + Check<RoomId>(text) + Check<EventId>(text) + Check<RoomAlias>(text)
            + Check<ServerName>(text) + (KeyId.TryParse(text, out _) ? "k" : "-");
        CheckParts(text);
        if (UserId.TryCreateLocal(text, Server, out var local))
        {
            ThrowUnless(local.IsCompliant && local.IsOn(Server), "Users that we make are compliant.");
            outcome += "local";
        }
        return outcome;
    }

    private static string Check<T>(string text)
        where T : struct, IIdentifier<T>, IComparable<T>
    {
        if (!T.TryParse(text, out var identifier))
            return "-";
        ThrowUnless(identifier.Value == text, "An identifier is its text.");
        ThrowUnless(!text.Contains('\0'), "NUL is in no identifier.");
        var utf8 = new UTF8Encoding(false, true).GetBytes(text);
        ThrowUnless(typeof(T) == typeof(ServerName) || utf8.Length <= Limits.IdentifierBytesMax, "255 bytes hold any.");
        ThrowUnless(identifier.CompareTo(identifier) == 0, "An identifier is no other than itself.");
        var later = T.TryParse(text + "0", out var longer) ? identifier.CompareTo(longer) : -1;
        ThrowUnless(later < 0, "A prefix comes first.");
        return typeof(T).Name[..1];
    }

    private static void CheckParts(string text)
    {
        if (UserId.TryParse(text, out var user))
        {
            ThrowUnless($"@{user.Localpart}:{user.Server}" == text, "A user id is its parts.");
            ThrowUnless(ServerName.TryParse(user.Server.Value, out _), "The server of a user is a server.");
        }
        if (RoomId.TryParse(text, out var room))
        {
            ThrowUnless(room.Server is null || text.EndsWith($":{room.Server}", StringComparison.Ordinal), "The end.");
            foreach (var rules in RoomVersionRules.All)
                rules.IsWellFormed(room);
        }
        if (EventId.TryParse(text, out var eventId))
        {
            _ = eventId.Server;
            foreach (var rules in RoomVersionRules.All)
                rules.IsWellFormed(eventId);
            _ = RoomId.TryParse("!" + text[1..], out _);
        }
        if (ServerName.TryParse(text, out var server))
        {
            ThrowUnless(server.Host.Length > 0, "A server has a host.");
            ThrowUnless(server.Port is not null || server.Host.SequenceEqual(text), "A server is host and port.");
        }
    }
}
