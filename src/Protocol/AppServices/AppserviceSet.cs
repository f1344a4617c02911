using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Protocol.AppServices;

/// <summary>All application services of this server.</summary>
/// <remarks>
/// Requires: ids and tokens are distinct.
/// Shape: in the order of their ids. Immutable: who registers another one starts the server again.
/// </remarks>
public sealed class AppserviceSet
{
    private readonly FrozenDictionary<string, AppserviceRegistration> _tokenHashToService;

    public AppserviceSet(IEnumerable<AppserviceRegistration> services)
    {
        All = [.. services.OrderBy(service => service.Id, StringComparer.Ordinal)];
        _tokenHashToService = All.ToFrozenDictionary(service => HashOf(service.AsToken), StringComparer.Ordinal);
        Fingerprint = FingerprintOf(All);
    }

    /// <summary>A server without application services.</summary>
    public static AppserviceSet None { get; } = new([]);

    public ImmutableArray<AppserviceRegistration> All { get; }

    public bool IsEmpty => All.IsEmpty;

    /// <summary>Tells two sets apart whose services are interested in different things.</summary>
    public string Fingerprint { get; }

    public AppserviceRegistration? Find(string id) => All.FirstOrDefault(service => service.Id == id);

    /// <summary>Whose as_token it is. By its hash, so that how long it takes says nothing about tokens.</summary>
    public AppserviceRegistration? FindByToken(string token) =>
        IsEmpty ? null : _tokenHashToService.GetValueOrDefault(HashOf(token));

    /// <summary>Why a user id cannot be registered; null when it can.</summary>
    /// <param name="user">The user id.</param>
    /// <param name="appserviceId">The application service that asks; null for people.</param>
    /// <remarks>Spec: v1.19 application-service-api #server-admin-style-permissions. Errors: M_EXCLUSIVE.</remarks>
    public MatrixError? FindProblemOfUser(UserId user, string? appserviceId) => FindProblem(
        appserviceId,
        service => service.OwnsUser(user),
        service => service.HasUserForItself(user),
        "user name");

    /// <summary>Why an alias cannot be made or deleted; null when it can.</summary>
    /// <inheritdoc cref="FindProblemOfUser"/>
    public MatrixError? FindProblemOfAlias(RoomAlias alias, string? appserviceId) => FindProblem(
        appserviceId,
        service => service.CoversAlias(alias),
        service => service.HasAliasForItself(alias),
        "room alias");

    private MatrixError? FindProblem(
        string? appserviceId,
        Func<AppserviceRegistration, bool> owns,
        Func<AppserviceRegistration, bool> hasForItself,
        string what)
    {
        foreach (var service in All)
        {
            if (service.Id == appserviceId)
            {
                if (!owns(service))
                    return Exclusive($"This {what} is in no namespace of the application service.");
                return null;
            }
        }
        foreach (var service in All)
        {
            if (hasForItself(service))
                return Exclusive($"This {what} is reserved by an application service.");
        }
        return null;
    }

    private static MatrixError Exclusive(string message) => new(400, ErrCodes.Exclusive, message);

    private static string HashOf(string token) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token)));

    private static string FingerprintOf(ImmutableArray<AppserviceRegistration> services)
    {
        var text = new StringBuilder();
        foreach (var service in services)
        {
            text.Append(service.Id).Append('\n').Append(service.Sender.Value).Append('\n')
                .Append(service.ReceivesEphemeral ? "ephemeral" : "").Append('\n')
                .Append(service.TracksDevices ? "devices" : "").Append('\n');
            foreach (var namespaces in (ReadOnlySpan<ImmutableArray<AppserviceNamespace>>)
                [service.Users, service.Rooms, service.Aliases])
            {
                foreach (var one in namespaces)
                    text.Append(one.Pattern.Length).Append(' ').Append(one.Pattern).Append('\n');
                text.Append('\n');
            }
        }
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())))[..16];
    }
}
