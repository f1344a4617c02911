using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.State;

namespace Matrix.EventSourced.Commands.Roomserver.Room;

/// <summary>What somebody who is invited to a room, or knocks on it, is told about it.</summary>
/// <remarks>Spec: v1.19 client-server-api #stripped-state. Shape: content, sender, state_key, type; nothing
/// else.</remarks>
internal static class ShownRoomState
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly StateTuple[] OfEveryRoom =
    [
        RoomTuples.Create,
        RoomTuples.JoinRules,
        RoomTuples.CanonicalAlias,
        new(EventTypes.Avatar, string.Empty),
        new(EventTypes.Name, string.Empty),
        new(EventTypes.Encryption, string.Empty),
        new(EventTypes.Topic, string.Empty),
    ];

    public static async ValueTask LoadAsync(IRoomLoader loader)
    {
        foreach (var tuple in OfEveryRoom)
            await loader.LoadAsync(tuple);
    }

    /// <summary>The array for one member event; its sender's own member event shows who invites.</summary>
    public static RawJson Build(IAuthState state, UserId sender)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            json.WriteStartArray();
            foreach (var tuple in OfEveryRoom)
                Write(json, state.Get(tuple));
            Write(json, state.Get(RoomTuples.Member(sender)));
            json.WriteEndArray();
        }
        return new RawJson(buffer.WrittenMemory);
    }

    /// <summary>The same state as PDUs, which other servers are given.</summary>
    /// <remarks>Spec: v1.19 server-server-api #put_matrixfederationv2inviteroomideventid.</remarks>
    public static RawJson BuildPdus(IAuthState state, UserId sender)
    {
        var buffer = new ArrayBufferWriter<byte>(4096);
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            json.WriteStartArray();
            foreach (var tuple in (IEnumerable<StateTuple>)[.. OfEveryRoom, RoomTuples.Member(sender)])
            {
                if (state.Get(tuple) is { } pdu)
                    json.WriteRawValue(pdu.Json.Span, skipInputValidation: true);
            }
            json.WriteEndArray();
        }
        return new RawJson(buffer.WrittenMemory);
    }

    private static void Write(Utf8JsonWriter json, Pdu? pdu)
    {
        if (pdu is not null)
            StrippedState.Write(json, pdu);
    }
}
