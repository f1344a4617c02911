using System.Collections.Immutable;
using System.Text.Json;
using FluentValidation;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.PublicRooms;
using Matrix.EventSourced.Commands.Roomserver.Aliases;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.State;
using MediatR;

namespace Matrix.EventSourced.Commands.Roomserver.Perform;

/// <summary>Replaces a room by a new one of another version: POST /rooms/{roomId}/upgrade.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #room-upgrades, server behaviour.
/// Ensures: the new room is whole before the old one says where it went.
/// Errors: M_UNSUPPORTED_ROOM_VERSION; M_FORBIDDEN for who may not send <c>m.room.tombstone</c>.
/// </remarks>
public sealed record UpgradeRoom(
    CommandContext Context,
    RoomId RoomId,
    UserId UserId,
    string NewVersion,
    ImmutableArray<string> AdditionalCreators) : ICommand<RoomId>;

public sealed class UpgradeRoomValidator : AbstractValidator<UpgradeRoom>
{
    public UpgradeRoomValidator()
    {
        RuleFor(command => command.NewVersion)
            .Must(version => RoomVersionRules.Find(version) is not null)
            .WithErrorCode(ErrCodes.UnsupportedRoomVersion)
            .WithMessage("This server does not support this room version.");
        RuleForEach(command => command.AdditionalCreators)
            .Must(user => UserId.TryParse(user, out _)).WithMessage("'additional_creators' must hold user ids.");
    }
}

public sealed class UpgradeRoomHandler(
    IRoomserver rooms,
    IRequestHandler<CreateRoom, CommandResult<RoomId>> create,
    IRoomBans bans,
    Memberships memberships,
    AliasBook aliases,
    RoomDirectory directory) : IRequestHandler<UpgradeRoom, CommandResult<RoomId>>
{
    /// <summary>LIMIT: bans that go with the room. Ours: they share the new room's first append.</summary>
    private const int BansMax = 500;

    public async Task<CommandResult<RoomId>> Handle(UpgradeRoom command, CancellationToken cancellationToken)
    {
        var reading = await rooms.ReadAsync(command.RoomId, async loader =>
        {
            await loader.LoadAsync(RoomTuples.Member(command.UserId));
            foreach (var tuple in RoomSuccession.Transferred)
                await loader.LoadAsync(tuple);
            await loader.LoadAsync(RoomTuples.CanonicalAlias);
        });
        if (reading is not RoomReading.Found { View: var view })
            return reading is RoomReading.Refused refused ? refused.Error : RoomErrors.NotInRoom;
        if (view.MembershipOf(command.UserId) != Membership.Join)
            return RoomErrors.NotInRoom;
        if (view.PowerLevels.UserLevel(command.UserId) < view.PowerLevels.EventLevel(EventTypes.Tombstone, true))
            return MatrixError.Forbidden("You do not have the power to upgrade this room.");

        var succession = new RoomSuccession(view, command);
        var banned = await bans.FindAsync(command.RoomId, BansMax);
        var created = await create.Handle(succession.Successor(), cancellationToken);
        if (created is not CommandResult<RoomId>.Done { Value: var successor })
            return created;
        foreach (var user in banned)
            await BanAsync(command, successor, user);
        await SendAsync(command, successor, EventTypes.PowerLevels, succession.FinalPowerLevels());
        var tombstone = await SendAsync(
            command, command.RoomId, EventTypes.Tombstone, RoomSuccession.Tombstone(successor));
        if (tombstone is RoomAnswer.Refused unsent)
            return unsent.Error;
        await MoveAddressesAsync(command, successor, succession);
        await memberships.CarryOverAsync(successor, command.UserId, command.Context);
        await SendAsync(command, command.RoomId, EventTypes.PowerLevels, succession.ClosingPowerLevels());
        return created;
    }

    /// <summary>What the user has not the power for is left as it is: the new room is there all the same.</summary>
    private async ValueTask<RoomAnswer?> SendAsync(
        UpgradeRoom command, RoomId roomId, string type, JsonElement? content) => content is { } given
        ? await rooms.PerformAsync(
            roomId, new SendPdu(command.Context, command.UserId, type, string.Empty, given))
        : null;

    private async ValueTask BanAsync(UpgradeRoom command, RoomId successor, UserId user) => await rooms.PerformAsync(
        successor,
        new ChangeMembership(
            command.Context,
            MembershipCause.Ban,
            command.UserId,
            user,
            MemberContent.Build(Membership.Ban, MemberProfile.Empty)));

    private async ValueTask MoveAddressesAsync(UpgradeRoom command, RoomId successor, RoomSuccession succession)
    {
        foreach (var alias in await bans.AliasesAsync(command.RoomId))
        {
            var deleted = await aliases.DeleteAsync(alias, command.UserId, command.Context);
            if (deleted is not Execution<AliasState>.Refused)
            {
                await aliases.CreateAsync(
                    alias,
                    successor,
                    command.UserId,
                    new MatrixError(409, ErrCodes.Unknown, "The alias was taken meanwhile."),
                    command.Context);
            }
        }
        if (succession.CanonicalAlias is { } named)
        {
            await SendAsync(command, successor, EventTypes.CanonicalAlias, named);
            await SendAsync(command, command.RoomId, EventTypes.CanonicalAlias, JsonContent.Empty);
        }
        if (!await directory.IsPublicAsync(command.RoomId))
            return;
        await directory.SetAsync(successor, true, command.UserId, command.Context);
        await directory.SetAsync(command.RoomId, false, command.UserId, command.Context);
    }
}

/// <summary>What a new room takes over from the one before it. Pure.</summary>
internal sealed class RoomSuccession(RoomView view, UpgradeRoom command)
{
    private const int CreatorLevel = 100;

    /// <summary>State that goes over as it is. Spec: v1.19 client-server-api #room-upgrades.</summary>
    public static readonly StateTuple[] Transferred =
    [
        new(EventTypes.ServerAcl, string.Empty),
        new(EventTypes.Encryption, string.Empty),
        new(EventTypes.Name, string.Empty),
        new(EventTypes.Avatar, string.Empty),
        new(EventTypes.Topic, string.Empty),
        new(EventTypes.GuestAccess, string.Empty),
        new(EventTypes.HistoryVisibility, string.Empty),
        new(EventTypes.JoinRules, string.Empty),
    ];

    private readonly RoomVersionRules _rules = RoomVersionRules.Find(command.NewVersion)!;

    public JsonElement? CanonicalAlias => view.Get(RoomTuples.CanonicalAlias)?.Content;

    public CreateRoom Successor() => new(command.Context, command.UserId)
    {
        RoomVersion = command.NewVersion,
        Preset = RoomPreset.PrivateChat,
        CreationContent = CreationContent(),
        PowerLevelContentOverride = InitialPowerLevels(),
        InitialState =
        [
            .. Transferred
                .Select(view.Get)
                .OfType<Pdu>()
                .Select(pdu => new InitialState(pdu.Type, pdu.StateKey!, pdu.Content)),
        ],
    };

    /// <summary>The old levels, where the upgrader was given more only to make the room; null when nothing has to be
    /// taken back.</summary>
    public JsonElement? FinalPowerLevels()
    {
        if (_rules.CreatorsHaveInfinitePower || Levels() is not { } levels)
            return null;
        return view.PowerLevels.UserLevel(command.UserId) >= CreatorLevel
            ? null
            : WithUser(levels, command.UserId, view.PowerLevels.UserLevel(command.UserId));
    }

    /// <summary>Nobody talks in the old room any more, or brings others there.</summary>
    public JsonElement? ClosingPowerLevels()
    {
        if (Levels() is not { } levels)
            return null;
        var level = Math.Max(50, Number(levels, "users_default", 0) + 1);
        return JsonContent.With(
            levels,
            new KeyValuePair<string, JsonElement>(
                "events_default", Number(Math.Max(level, Number(levels, "events_default", 0)))),
            new KeyValuePair<string, JsonElement>(
                "invite", Number(Math.Max(level, Number(levels, "invite", 0)))));
    }

    public static JsonElement Tombstone(RoomId successor) => JsonContent.Build(json =>
    {
        json.WriteString("body"u8, "This room has been replaced"u8);
        json.WriteString("replacement_room"u8, successor.Value);
    });

    private JsonElement CreationContent() => JsonContent.Build(json =>
    {
        if (view.Create.Content.StringOrNull("type") is { } type)
            json.WriteString("type"u8, type);
        if (view.Create.Content.TryGetProperty("m.federate"u8, out var federate))
        {
            json.WritePropertyName("m.federate"u8);
            federate.WriteTo(json);
        }
        json.WriteStartObject("predecessor"u8);
        // The last known event; from version 12 on it may be left out, and says nothing that the room id does not.
        if (!_rules.RoomIdIsCreateHash)
            json.WriteString("event_id"u8, view.ForwardExtremities[0].Value);
        json.WriteString("room_id"u8, view.RoomId.Value);
        json.WriteEndObject();
        if (!_rules.CreatorsHaveInfinitePower || command.AdditionalCreators.IsDefaultOrEmpty)
            return;
        json.WriteStartArray("additional_creators"u8);
        foreach (var user in command.AdditionalCreators)
            json.WriteStringValue(user);
        json.WriteEndArray();
    });

    /// <summary>The old levels, with which the upgrader can make the room: creators of version 12 must not be named,
    /// others need the power for what goes over.</summary>
    private JsonElement InitialPowerLevels()
    {
        var levels = Levels() ?? JsonContent.Build(json =>
        {
            json.WriteStartObject("users"u8);
            json.WriteEndObject();
        });
        if (_rules.CreatorsHaveInfinitePower)
        {
            foreach (var creator in command.AdditionalCreators.Append(command.UserId.Value))
                levels = WithoutUser(levels, creator);
            return levels;
        }
        return WithUser(
            levels, command.UserId, Math.Max(CreatorLevel, Number(Users(levels), command.UserId.Value, 0)));
    }

    private JsonElement? Levels() => view.Get(RoomTuples.PowerLevels)?.Content;

    private static JsonElement Users(JsonElement levels) =>
        levels.TryGetProperty("users"u8, out var users) && users.ValueKind == JsonValueKind.Object
            ? users
            : JsonContent.Empty;

    private static JsonElement WithUser(JsonElement levels, UserId user, long level) => JsonContent.With(
        levels,
        new KeyValuePair<string, JsonElement>(
            "users",
            JsonContent.With(Users(levels), new KeyValuePair<string, JsonElement>(user.Value, Number(level)))));

    private static JsonElement WithoutUser(JsonElement levels, string user) => JsonContent.With(
        levels,
        new KeyValuePair<string, JsonElement>("users", JsonContent.Without(Users(levels), user)));

    private static long Number(JsonElement content, string name, long otherwise) =>
        content.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number
            && value.TryGetInt64(out var number)
                ? number
                : otherwise;

    private static JsonElement Number(long value) =>
        JsonElement.Parse(value.ToString(System.Globalization.CultureInfo.InvariantCulture));
}
