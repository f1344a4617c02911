using System.Collections.Immutable;
using System.Text.Json;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Federation.Transport;

/// <summary>Reads answers: shape only. Null, or a JsonException, for what has another shape.</summary>
/// <remarks>PDUs are cut out of the body in one pass, without a tree: an answer may hold a hundred thousand.</remarks>
internal static class AnswerReading
{
    private static readonly JsonDocumentOptions Depth = new() { MaxDepth = Limits.JsonDepthMax };

    public static RemoteError Error(FederationAnswer.Answered answer)
    {
        var error = new RemoteError(answer.Status, string.Empty, string.Empty, default)
        {
            RetryAfter = answer.RetryAfter,
        };
        try
        {
            var body = JsonElement.Parse(answer.Body.Span, Depth);
            if (body.ValueKind != JsonValueKind.Object)
                return error;
            var retryMs = body.TryGetProperty("retry_after_ms"u8, out var retry)
                && retry.ValueKind == JsonValueKind.Number && retry.TryGetInt64(out var value)
                && value is >= 0 and <= int.MaxValue ? value : (long?)null;
            return error with
            {
                ErrCode = Text(body, "errcode"u8) ?? string.Empty,
                Message = Text(body, "error"u8) ?? string.Empty,
                Body = body,
                RetryAfter = answer.RetryAfter ?? (retryMs is { } ms ? TimeSpan.FromMilliseconds(ms) : null),
            };
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException)
        {
            return error;
        }
    }

    public static RemoteObject? Object(ReadOnlyMemory<byte> body)
    {
        var json = JsonElement.Parse(body.Span, Depth);
        return json.ValueKind == JsonValueKind.Object ? new RemoteObject(json) : null;
    }

    public static MembershipTemplate? Template(ReadOnlyMemory<byte> body)
    {
        var json = JsonElement.Parse(body.Span, Depth);
        return json.ValueKind == JsonValueKind.Object
            && json.TryGetProperty("event"u8, out var template) && template.ValueKind == JsonValueKind.Object
                ? new MembershipTemplate(Text(json, "room_version"u8) ?? "1", template)
                : null;
    }

    public static SignedInvite? Invite(ReadOnlyMemory<byte> body) =>
        BodyMembers.Read(body).Find("event"u8) is { } pdu && pdu.Span[0] == '{' ? new SignedInvite(pdu) : null;

    public static JoinedRoom? JoinedRoom(ReadOnlyMemory<byte> body)
    {
        var members = BodyMembers.Read(body);
        if (members.FindList("state"u8) is not { } state || members.FindList("auth_chain"u8) is not { } authChain)
            return null;
        var omitted = members.Find("members_omitted"u8) is { } flag && flag.Span.SequenceEqual("true"u8);
        ImmutableArray<ServerName>? servers = members.Find("servers_in_room"u8) is { } list
            ? Servers(JsonElement.Parse(list.Span))
            : null;
        var pdu = members.Find("event"u8) is { } join && join.Span[0] == '{' ? join : (ReadOnlyMemory<byte>?)null;
        return new JoinedRoom(state, authChain, pdu, omitted, servers);
    }

    public static RemotePdus? Pdus(ReadOnlyMemory<byte> body, ReadOnlySpan<byte> member) =>
        BodyMembers.Read(body).FindList(member) is { } pdus ? new RemotePdus(pdus) : null;

    public static RemoteState? State(ReadOnlyMemory<byte> body)
    {
        var members = BodyMembers.Read(body);
        return members.FindList("pdus"u8) is { } pdus && members.FindList("auth_chain"u8) is { } authChain
            ? new RemoteState(pdus, authChain)
            : null;
    }

    public static RemoteStateIds? StateIds(ReadOnlyMemory<byte> body)
    {
        var json = JsonElement.Parse(body.Span, Depth);
        return EventIds(json, "pdu_ids"u8) is { } pdus && EventIds(json, "auth_chain_ids"u8) is { } authChain
            ? new RemoteStateIds(pdus, authChain)
            : null;
    }

    public static NearestEvent? NearestEvent(ReadOnlyMemory<byte> body)
    {
        var json = JsonElement.Parse(body.Span, Depth);
        return EventId.TryParse(Text(json, "event_id"u8), out var eventId)
            && json.TryGetProperty("origin_server_ts"u8, out var ts) && ts.ValueKind == JsonValueKind.Number
            && ts.TryGetInt64(out var value)
                ? new NearestEvent(eventId, value)
                : null;
    }

    public static RemoteAlias? Alias(ReadOnlyMemory<byte> body)
    {
        var json = JsonElement.Parse(body.Span, Depth);
        return RoomId.TryParse(Text(json, "room_id"u8), out var roomId)
            && json.TryGetProperty("servers"u8, out var servers) && Servers(servers) is { } names
                ? new RemoteAlias(roomId, names)
                : null;
    }

    public static TransactionTaken Transaction(ReadOnlyMemory<byte> body)
    {
        // A 200 says that it was taken, whatever the body looks like: nothing is sent twice over a malformed one.
        var errors = ImmutableArray.CreateBuilder<KeyValuePair<string, string>>();
        try
        {
            var json = JsonElement.Parse(body.Span, Depth);
            if (json.ValueKind == JsonValueKind.Object
                && json.TryGetProperty("pdus"u8, out var pdus) && pdus.ValueKind == JsonValueKind.Object)
            {
                foreach (var pdu in pdus.EnumerateObject())
                {
                    if (pdu.Value.ValueKind == JsonValueKind.Object && Text(pdu.Value, "error"u8) is { } error)
                        errors.Add(new(pdu.Name, error));
                }
            }
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException)
        {
            return new TransactionTaken([]);
        }
        return new TransactionTaken(errors.ToImmutable());
    }

    /// <summary>The first versions of some endpoints answer <c>[200, {…}]</c>.</summary>
    public static ReadOnlyMemory<byte> SecondOfPair(ReadOnlyMemory<byte> body) =>
        BodyMembers.Elements(body) is [_, var second] ? second : throw new JsonException("It is no pair.");

    private static string? Text(JsonElement json, ReadOnlySpan<byte> member) =>
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty(member, out var value)
            && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static ImmutableArray<EventId>? EventIds(JsonElement json, ReadOnlySpan<byte> member)
    {
        if (json.ValueKind != JsonValueKind.Object || !json.TryGetProperty(member, out var list)
            || list.ValueKind != JsonValueKind.Array)
        {
            return null;
        }
        var ids = ImmutableArray.CreateBuilder<EventId>(list.GetArrayLength());
        foreach (var element in list.EnumerateArray())
        {
            if (element.ValueKind != JsonValueKind.String || !EventId.TryParse(element.GetString(), out var id))
                return null;
            ids.Add(id);
        }
        return ids.ToImmutable();
    }

    /// <summary>Names that are none are left out: the others may still help.</summary>
    private static ImmutableArray<ServerName>? Servers(JsonElement list)
    {
        if (list.ValueKind != JsonValueKind.Array)
            return null;
        var names = ImmutableArray.CreateBuilder<ServerName>();
        foreach (var element in list.EnumerateArray())
        {
            if (element.ValueKind == JsonValueKind.String && ServerName.TryParse(element.GetString(), out var name))
                names.Add(name);
        }
        return names.ToImmutable();
    }
}
