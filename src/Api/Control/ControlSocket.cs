using System.Net.Sockets;
using Matrix.EventSourced.Projections.Postgres;

namespace Matrix.EventSourced.Api.Control;

/// <summary>The socket over which the program's commands reach the server that runs on the same data folder.</summary>
/// <remarks>
/// Shape: <c>control.sock</c> in the data folder. Who may write to it may command the server: it is the owner's alone.
/// </remarks>
internal sealed class ControlSocket : IDisposable
{
    private const string Name = "control.sock";

    private readonly string _file;
    private readonly SocketFolder _folder;

    public ControlSocket(string dataFolder)
    {
        var folder = System.IO.Path.GetFullPath(dataFolder);
        _file = System.IO.Path.Combine(folder, Name);
        _folder = new SocketFolder(folder, Name);
    }

    /// <summary>The path by which this process can bind to it, or connect.</summary>
    public string Path => System.IO.Path.Combine(_folder.Path, Name);

    /// <summary>Removes what a killed server left. Requires: the data folder's lock is held.</summary>
    public void RemoveStale() => File.Delete(_file);

    public void Protect() => File.SetUnixFileMode(_file, UnixFileMode.UserRead | UnixFileMode.UserWrite);

    public void Dispose() => _folder.Dispose();

    /// <summary>A client for the server that runs on the folder, or null when none does.</summary>
    public static async Task<HttpClient?> ConnectAsync(string dataFolder)
    {
        if (!File.Exists(System.IO.Path.Combine(dataFolder, Name)))
            return null;
        using var socket = new ControlSocket(dataFolder);
        Socket connection;
        try
        {
            // The first connection tells a server from a socket that a killed one left behind.
            connection = await ConnectToAsync(socket.Path);
        }
        catch (SocketException)
        {
            return null;
        }
        return new HttpClient(HandlerOver(connection), disposeHandler: true)
        {
            BaseAddress = new Uri("http://control"),
            Timeout = Timeout.InfiniteTimeSpan,
        };
    }

    /// <summary>A command is one request, so one connection is all that its client needs.</summary>
    private static SocketsHttpHandler HandlerOver(Socket connection)
    {
        var unused = connection;
        return new SocketsHttpHandler
        {
            ConnectCallback = (_, _) => Interlocked.Exchange(ref unused!, null) is { } socket
                ? new(new NetworkStream(socket, ownsSocket: true))
                : throw new IOException("The server has closed the connection."),
        };
    }

    private static async ValueTask<Socket> ConnectToAsync(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path));
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
