using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace Matrix.EventSourced.Api.Control;

/// <summary>The socket over which the program's commands reach the server that runs on the same data folder.</summary>
/// <remarks>
/// Shape: <c>control.sock</c> in the data folder. Who may write to it may command the server: it is the owner's alone.
/// A path that is too long for a socket's address is reached through a descriptor of the folder
/// (<c>/proc/self/fd/N/control.sock</c>), which lives as long as the process.
/// </remarks>
internal static class ControlSocket
{
    /// <summary>LIMIT: bytes of a socket's path. Source: sockaddr_un of Linux, 108 with the closing zero.</summary>
    private const int PathBytesMax = 107;

    private const string Name = "control.sock";
    private const int OpenDirectoryCloseOnExec = 0x80000;

    /// <summary>The path by which this process can bind to or connect to the socket.</summary>
    public static string PathIn(string dataFolder)
    {
        var path = Path.GetFullPath(Path.Combine(dataFolder, Name));
        if (Encoding.UTF8.GetByteCount(path) <= PathBytesMax)
            return path;
        var descriptor = Open(Path.GetFullPath(dataFolder), OpenDirectoryCloseOnExec);
        return descriptor >= 0
            ? $"/proc/self/fd/{descriptor}/{Name}"
            : throw new IOException($"{dataFolder} cannot be opened.");
    }

    /// <summary>Removes what a killed server left. Requires: the data folder's lock is held.</summary>
    public static void RemoveStale(string dataFolder) => File.Delete(Path.Combine(dataFolder, Name));

    public static void Protect(string dataFolder) =>
        File.SetUnixFileMode(Path.Combine(dataFolder, Name), UnixFileMode.UserRead | UnixFileMode.UserWrite);

    /// <summary>A client for the server that runs on the folder, or null when none does.</summary>
    public static async Task<HttpClient?> ConnectAsync(string dataFolder)
    {
        if (!File.Exists(Path.Combine(dataFolder, Name)))
            return null;
        var path = PathIn(dataFolder);
        try
        {
            // The first connection tells a server from a socket that a killed one left behind.
            (await ConnectSocketAsync(path, CancellationToken.None)).Dispose();
        }
        catch (SocketException)
        {
            return null;
        }
        var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellationToken) =>
                new NetworkStream(await ConnectSocketAsync(path, cancellationToken), ownsSocket: true),
        };
        return new HttpClient(handler, disposeHandler: true)
        {
            BaseAddress = new Uri("http://control"),
            Timeout = Timeout.InfiniteTimeSpan,
        };
    }

    private static async ValueTask<Socket> ConnectSocketAsync(string path, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    [DllImport("libc", EntryPoint = "open")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);
}
