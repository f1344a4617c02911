using System.Globalization;
using System.Text.Json;
using Matrix.EventSourced.Api.ClientApi.Account;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.KeyServer.KeyBackup;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Projections.KeyServer.KeyBackup;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.KeyBackup;

/// <summary>Backups of keys: made, shown, changed and deleted.</summary>
internal static class BackupVersions
{
    private const string Path = "/_matrix/client/v3/room_keys/version";
    private const string OnePath = Path + "/{version}";

    public static readonly EndpointSpec CreateSpec = new(
        "POST",
        Path,
        AuthKind.AccessToken,
        RateClass.Message,
        "client-server-api#post_matrixclientv3room_keysversion");

    public static readonly EndpointSpec GetCurrentSpec = new(
        "GET", Path, AuthKind.AccessToken, RateClass.Read, "client-server-api#get_matrixclientv3room_keysversion");

    public static readonly EndpointSpec GetSpec = new(
        "GET",
        OnePath,
        AuthKind.AccessToken,
        RateClass.Read,
        "client-server-api#get_matrixclientv3room_keysversionversion");

    public static readonly EndpointSpec PutSpec = new(
        "PUT",
        OnePath,
        AuthKind.AccessToken,
        RateClass.Message,
        "client-server-api#put_matrixclientv3room_keysversionversion");

    public static readonly EndpointSpec DeleteSpec = new(
        "DELETE",
        OnePath,
        AuthKind.AccessToken,
        RateClass.Message,
        "client-server-api#delete_matrixclientv3room_keysversionversion");

    public static void Map(EndpointTable table)
    {
        table.Add(CreateSpec, CreateAsync);
        table.Add(GetCurrentSpec, static request => GetAsync(request, null));
        table.Add(GetSpec, static request => GetAsync(request, BackupRequests.VersionOf(request.Path("version"))));
        table.Add(PutSpec, PutAsync);
        table.Add(DeleteSpec, DeleteAsync);
    }

    private static async ValueTask<MatrixResponse> CreateAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        (var backup, error) = Read(body);
        if (error is not null)
            return error;
        return await request.SendBackupAsync(
            new CreateKeyBackup(request.CommandContext(), request.Requester.UserId, backup.Algorithm, backup.AuthData),
            static version => new MatrixResponse.Json(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("version"u8, version.ToString(CultureInfo.InvariantCulture));
                writer.WriteEndObject();
            }));
    }

    private static async ValueTask<MatrixResponse> GetAsync(MatrixRequest request, long? version)
    {
        var queries = await request.ReadBackupsAsync();
        var backup = await queries.FindAsync(request.Requester.UserId, version, request.ClientGone);
        if (backup is null)
        {
            return version is null
                ? MatrixError.NotFound("No current backup version.")
                : KeyBackupDecider.UnknownVersion;
        }
        return new MatrixResponse.Json(writer => Write(writer, backup));
    }

    private static async ValueTask<MatrixResponse> PutAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        (var backup, error) = Read(body);
        if (error is not null)
            return error;
        var version = request.Path("version");
        if (backup.Version is not null && backup.Version != version)
            return MatrixError.InvalidParam("The version in the body is not that in the path.");
        return await request.SendBackupAsync(
            new ChangeKeyBackup(
                request.CommandContext(),
                request.Requester.UserId,
                BackupRequests.VersionOf(version),
                backup.Algorithm,
                backup.AuthData),
            static _ => MatrixResponse.Empty);
    }

    private static ValueTask<MatrixResponse> DeleteAsync(MatrixRequest request) => request.SendBackupAsync(
        new DeleteKeyBackup(
            request.CommandContext(), request.Requester.UserId, BackupRequests.VersionOf(request.Path("version"))),
        static _ => MatrixResponse.Empty);

    private static ((string Algorithm, string? Version, RawJson AuthData) Backup, MatrixError? Error) Read(
        JsonElement body)
    {
        var fields = new BodyFields(body);
        var algorithm = fields.RequiredString("algorithm");
        var version = fields.OptionalString("version");
        var (authData, error) = BackupRequests.ReadOpaque(body, "auth_data");
        return ((algorithm, version, authData), fields.Error ?? error);
    }

    private static void Write(Utf8JsonWriter writer, StoredBackup backup)
    {
        writer.WriteStartObject();
        writer.WriteString("algorithm"u8, backup.Algorithm);
        writer.WritePropertyName("auth_data"u8);
        writer.WriteRawValue(backup.AuthData.Span, skipInputValidation: true);
        writer.WriteNumber("count"u8, backup.KeyCount);
        writer.WriteString("etag"u8, backup.Etag.ToString(CultureInfo.InvariantCulture));
        writer.WriteString("version"u8, backup.Version.ToString(CultureInfo.InvariantCulture));
        writer.WriteEndObject();
    }
}
