using System.Collections.Immutable;
using System.Text.Json;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.Commands.Roomserver.ThirdParty;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.Rooms;

/// <summary>Reads the body of createRoom: types and enumerations; what they mean is the command's business.</summary>
internal static class CreateRoomBody
{
    public static (CreateRoom? Command, MatrixError? Error) Read(
        JsonElement body, CommandContext context, UserId creator)
    {
        var reader = new Reader(body);
        var isPublic = reader.String("visibility") switch
        {
            null or "private" => false,
            "public" => true,
            _ => reader.Fail("'visibility' must be public or private."),
        };
        var command = new CreateRoom(context, creator)
        {
            RoomVersion = reader.String("room_version"),
            IsPublic = isPublic,
            Preset = ReadPreset(reader, isPublic),
            IsDirect = reader.Boolean("is_direct"),
            AliasLocalpart = reader.String("room_alias_name"),
            Name = reader.String("name"),
            Topic = reader.String("topic"),
            Invite = reader.Strings("invite"),
            ThirdPartyInvites = ReadThirdPartyInvites(reader),
            CreationContent = reader.Object("creation_content"),
            PowerLevelContentOverride = reader.Object("power_level_content_override"),
            InitialState = ReadInitialState(reader),
        };
        return reader.Error is null ? (command, null) : (null, reader.Error);
    }

    private static ImmutableArray<ThirdPartyTarget> ReadThirdPartyInvites(Reader reader)
    {
        var targets = ImmutableArray.CreateBuilder<ThirdPartyTarget>();
        foreach (var element in reader.Array("invite_3pid"))
        {
            var (target, error) = element.ValueKind == JsonValueKind.Object
                ? ThirdPartyTargetBody.Read(element)
                : (null, MatrixError.BadJson("'invite_3pid' must hold objects."));
            if (target is null)
            {
                reader.Fail(error!);
                break;
            }
            targets.Add(target);
        }
        return targets.ToImmutable();
    }

    private static RoomPreset ReadPreset(Reader reader, bool isPublic)
    {
        switch (reader.String("preset"))
        {
            case null:
                return isPublic ? RoomPreset.PublicChat : RoomPreset.PrivateChat;
            case "private_chat":
                return RoomPreset.PrivateChat;
            case "trusted_private_chat":
                return RoomPreset.TrustedPrivateChat;
            case "public_chat":
                return RoomPreset.PublicChat;
            default:
                reader.Fail("'preset' must be private_chat, trusted_private_chat or public_chat.");
                return default;
        }
    }

    private static ImmutableArray<InitialState> ReadInitialState(Reader reader)
    {
        var entries = ImmutableArray.CreateBuilder<InitialState>();
        foreach (var element in reader.Array("initial_state"))
        {
            if (element.ValueKind != JsonValueKind.Object)
            {
                reader.Fail("'initial_state' must hold objects.");
                break;
            }
            var entry = Reader.Within(element);
            var type = entry.String("type");
            var stateKey = entry.String("state_key");
            var content = entry.Object("content");
            if (entry.Error is not null || type is null || content.ValueKind == JsonValueKind.Undefined)
            {
                reader.Fail(entry.Error?.Message ?? "'initial_state' needs 'type' and 'content'.");
                break;
            }
            entries.Add(new InitialState(type, stateKey ?? string.Empty, content));
        }
        return entries.ToImmutable();
    }

    /// <summary>Reads members of one object and remembers the first that is of the wrong type. Null counts as not
    /// given.</summary>
    private sealed class Reader(JsonElement body)
    {
        public MatrixError? Error { get; private set; }

        public static Reader Within(JsonElement element) => new(element);

        /// <summary>Always false, for callers that need a value.</summary>
        public bool Fail(string problem) => Fail(MatrixError.BadJson(problem));

        /// <inheritdoc cref="Fail(string)"/>
        public bool Fail(MatrixError error)
        {
            Error ??= error;
            return false;
        }

        public string? String(string name) =>
            TryGet(name, JsonValueKind.String, "a string", out var value) ? value.GetString() : null;

        public bool Boolean(string name)
        {
            if (!body.TryGetProperty(name, out var value)
                || value.ValueKind is JsonValueKind.Null or JsonValueKind.False)
                return false;
            return value.ValueKind == JsonValueKind.True || Fail($"'{name}' must be true or false.");
        }

        public JsonElement Object(string name) =>
            TryGet(name, JsonValueKind.Object, "an object", out var value) ? value : default;

        public IEnumerable<JsonElement> Array(string name) =>
            TryGet(name, JsonValueKind.Array, "an array", out var value) ? value.EnumerateArray() : [];

        public ImmutableArray<string> Strings(string name)
        {
            var strings = ImmutableArray.CreateBuilder<string>();
            foreach (var element in Array(name))
            {
                if (element.ValueKind != JsonValueKind.String)
                {
                    Fail($"'{name}' must hold strings.");
                    break;
                }
                strings.Add(element.GetString()!);
            }
            return strings.ToImmutable();
        }

        private bool TryGet(string name, JsonValueKind kind, string what, out JsonElement value)
        {
            if (!body.TryGetProperty(name, out value) || value.ValueKind == JsonValueKind.Null)
                return false;
            return value.ValueKind == kind || Fail($"'{name}' must be {what}.");
        }
    }
}
