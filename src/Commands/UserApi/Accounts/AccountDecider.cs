using System.Buffers.Text;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.UserApi.Accounts;

/// <summary>Decides what may be written to <c>user-…</c>. Pure.</summary>
public static class AccountDecider
{
    /// <summary>A new account, with its first device unless none is wanted.</summary>
    /// <remarks>
    /// An account without credentials is one whose registration broke off between its two streams: its name is free,
    /// and what it held is replaced.
    /// INVARIANT: who writes the first credentials owns the account, so hasCredentials decides, not this stream.
    /// </remarks>
    public static Decision Register(
        AccountState state, AccountRegistered account, DeviceCreated? device, bool hasCredentials)
    {
        if (state.Exists && hasCredentials)
            return UserInUse;
        var facts = ImmutableArray.CreateBuilder<IFact>();
        facts.Add(account);
        foreach (var deviceId in state.Devices.Keys)
            facts.Add(new DeviceDeleted(account.UserId, deviceId));
        if (device is not null)
            facts.Add(device);
        return Decision.Accept(facts.ToImmutable());
    }

    public static MatrixError UserInUse { get; } = new(400, ErrCodes.UserInUse, "This user name is taken.");

    /// <summary>Spec: v1.19 client-server-api #account-locking.</summary>
    public static MatrixError Locked { get; } = new(401, ErrCodes.UserLocked, "This account has been locked.")
    {
        Extra = [new("soft_logout", "true")],
    };

    /// <summary>An account is locked or unlocked; its tokens stay.</summary>
    public static Decision Lock(AccountState state, AccountLocked change) =>
        !state.Exists ? UnknownUser
        : state.IsLocked == change.IsLocked ? Decision.Nothing
        : Decision.Accept(change);

    /// <summary>An account is suspended, or no longer.</summary>
    public static Decision Suspend(AccountState state, AccountSuspended change) =>
        !state.Exists ? UnknownUser
        : state.IsSuspended == change.IsSuspended ? Decision.Nothing
        : Decision.Accept(change);

    /// <summary>A device of that id, known or new; a known one keeps its name.</summary>
    public static Decision OpenDevice(AccountState state, DeviceCreated device)
    {
        if (!state.Exists)
            return UnknownUser;
        if (state.IsLocked)
            return Locked;
        return state.Devices.ContainsKey(device.DeviceId) ? Decision.Nothing : Decision.Accept(device);
    }

    public static Decision RenameDevice(AccountState state, DeviceRenamed renamed)
    {
        if (!state.Devices.TryGetValue(renamed.DeviceId, out var name))
            return MatrixError.NotFound("You have no device with this id.");
        return name == renamed.DisplayName ? Decision.Nothing : Decision.Accept(renamed);
    }

    /// <summary>Those of the devices that are there are deleted; unknown ones are gone already.</summary>
    public static Decision DeleteDevices(AccountState state, UserId userId, IEnumerable<string> deviceIds)
    {
        var facts = ImmutableArray.CreateBuilder<IFact>();
        foreach (var deviceId in deviceIds.Distinct(StringComparer.Ordinal))
        {
            if (state.Devices.ContainsKey(deviceId))
                facts.Add(new DeviceDeleted(userId, deviceId));
        }
        return Decision.Accept(facts.ToImmutable());
    }

    /// <summary>Sets a profile field (null removes it), within the size of a profile.</summary>
    /// <remarks>Spec: v1.19 client-server-api #put_matrixclientv3profileuseridkeyname.</remarks>
    public static Decision SetProfileField(AccountState state, ProfileChanged change)
    {
        if (!state.Exists)
            return UnknownUser;
        if (state.Kind == AccountKind.Guest && change.Field != ProfileFields.DisplayName)
            return new MatrixError(403, ErrCodes.GuestAccessForbidden, "Guests may only change their display name.");
        var known = state.Profile.TryGetValue(change.Field, out var value);
        if (change.Value is null)
            return known ? Decision.Accept(change) : Decision.Nothing;
        if (known && value == change.Value)
            return Decision.Nothing;
        var after = state.Profile.SetItem(change.Field, change.Value.Value);
        if (ProfileFields.SizeBytes(after) > Limits.ProfileBytesMax)
            return new MatrixError(
                400, ErrCodes.ProfileTooLarge, $"A profile may be at most {Limits.ProfileBytesMax} bytes large.");
        return Decision.Accept(change);
    }

    /// <summary>Stores a filter under an id made from its content, so that the same filter has one id.</summary>
    public static Decision StoreFilter(AccountState state, FilterStored filter) =>
        !state.Exists ? UnknownUser
        : state.FilterIds.Contains(filter.FilterId) ? Decision.Nothing
        : Decision.Accept(filter);

    /// <summary>Shape: 16 characters of the content's SHA-256, URL-safe base64; never begins with a brace.</summary>
    public static string FilterIdOf(RawJson filter) =>
        Base64Url.EncodeToString(SHA256.HashData(filter.Utf8.Span))[..16];

    private static MatrixError UnknownUser => MatrixError.NotFound("There is no such user.");
}

/// <summary>The fields of a profile.</summary>
public static class ProfileFields
{
    public const string DisplayName = "displayname";
    public const string AvatarUrl = "avatar_url";
    public const string TimeZone = "m.tz";

    /// <summary>Bytes of the profile as one JSON object without white space.</summary>
    public static int SizeBytes(IReadOnlyDictionary<string, RawJson> fields)
    {
        var size = 2;
        foreach (var (key, value) in fields)
            size += Encoding.UTF8.GetByteCount(key) + value.Utf8.Length + 4;
        return fields.Count > 0 ? size - 1 : size;
    }

    /// <summary>Whether the name may be a field's: the two old ones, or the common namespaced grammar.</summary>
    /// <remarks>Spec: v1.19 appendices #common-namespaced-identifier-grammar.</remarks>
    public static MatrixError? FindProblem(string key)
    {
        if (key is DisplayName or AvatarUrl)
            return null;
        if (Encoding.UTF8.GetByteCount(key) > Limits.ProfileKeyBytesMax)
            return KeyTooLarge;
        if (key.Length == 0 || !char.IsAsciiLetterLower(key[0]) || !key.Contains('.'))
            return InvalidKey;
        foreach (var character in key)
        {
            if (!char.IsAsciiLetterLower(
                character) && !char.IsAsciiDigit(character) && character is not ('.' or '_' or '-'))
                return InvalidKey;
        }
        return null;
    }

    private static MatrixError KeyTooLarge => new(
        400, ErrCodes.KeyTooLarge, $"A profile field's name may be at most {Limits.ProfileKeyBytesMax} bytes long.");

    private static MatrixError InvalidKey =>
        MatrixError.InvalidParam(
            "A profile field is displayname, avatar_url or a namespaced name such as org.example.field.");
}
