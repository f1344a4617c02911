using Matrix.EventSourced.Api.Control;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.Hosting;

/// <summary>
/// The server cannot start, for a reason that its administrator can change; the message is all they need.
/// </summary>
public sealed class StartException(string message) : Exception(message);

/// <summary>The folder that holds everything this server writes, locked against a second process.</summary>
/// <remarks>
/// <code>
///   data/
///     homeserver.yaml   the configuration (only read)
///     signing.key       who this server is: keep it
///     server_name       the name that the log was begun under
///     log/              the truth: keep it
///     postgres/         the private cluster: can be deleted
///     tls/              self-signed certificates: can be deleted
///     media/            the bytes of media: keep it
///     lock              held while the server runs
///     control.sock      where the program's commands reach the running server
/// </code>
/// </remarks>
public sealed class DataFolder : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode FolderMode = OwnerOnly | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>The folder of certificates in a data folder.</summary>
    internal const string TlsName = "tls";

    private const string LogName = "log";

    private readonly FileStream _lock;

    private DataFolder(string path, FileStream @lock)
    {
        Path = path;
        _lock = @lock;
        ControlSocket = new ControlSocket(path);
    }

    public string Path { get; }

    public string LogFolder => System.IO.Path.Combine(Path, LogName);

    public string PostgresFolder => System.IO.Path.Combine(Path, "postgres");

    public string MediaFolder => System.IO.Path.Combine(Path, "media");

    public string TlsFolder => System.IO.Path.Combine(Path, TlsName);

    internal ControlSocket ControlSocket { get; }

    public string SigningKeyFile => System.IO.Path.Combine(Path, "signing.key");

    /// <summary>
    /// Makes the folder where it is missing, and takes its lock; throws <see cref="StartException"/> when it cannot.
    /// </summary>
    public static DataFolder Open(string path, ServerName serverName)
    {
        FileStream? @lock = null;
        try
        {
            // Others on the machine have no business in here; the private cluster's own user may pass through to its
            // folder.
            MakeLogFolder(path);
            @lock = new FileStream(
                System.IO.Path.Combine(path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            CheckServerName(System.IO.Path.Combine(path, "server_name"), serverName);
            return new DataFolder(path, @lock);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            @lock?.Dispose();
            throw new StartException(
                $"The data folder {path} cannot be used (another server may be running in it): {exception.Message}");
        }
        catch (StartException)
        {
            @lock?.Dispose();
            throw;
        }
    }

    /// <summary>Makes the folder of the log, and the data folder around it, where they are missing; answers its
    /// path.</summary>
    internal static string MakeLogFolder(string path)
    {
        try
        {
            if (!Directory.Exists(path))
                Directory.CreateDirectory(path, FolderMode);
            return Directory.CreateDirectory(System.IO.Path.Combine(path, LogName), OwnerOnly).FullName;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new StartException($"The data folder {path} cannot be used: {exception.Message}");
        }
    }

    public void Dispose()
    {
        ControlSocket.Dispose();
        _lock.Dispose();
    }

    /// <summary>The name stands in every user id of the log, so the log of one name is of no use to another.</summary>
    private static void CheckServerName(string file, ServerName serverName)
    {
        if (!File.Exists(file))
        {
            File.WriteAllText(file, serverName.Value + "\n");
            return;
        }
        var known = File.ReadAllText(file).Trim();
        if (known != serverName.Value)
        {
            throw new StartException(
                $"This data folder belongs to the server {known}, but server_name is {serverName.Value}: a server's name cannot change.");
        }
    }
}
