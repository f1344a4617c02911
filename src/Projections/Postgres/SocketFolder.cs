using System.Globalization;
using System.Text;

namespace Matrix.EventSourced.Projections.Postgres;

/// <summary>A folder by a path that is short enough for the sockets in it.</summary>
/// <remarks>
/// Shape: <see cref="Path"/> is the folder's own path where the socket's fits into an address, else
/// <c>/proc/self/fd/N</c>, which only this process can use and which ends with this object.
/// Errors: IOException when the folder cannot be opened.
/// </remarks>
public sealed class SocketFolder : IDisposable
{
    // LIMIT: sockaddr_un holds 108 bytes, the last one zero.
    private const int SocketPathBytesMax = 107;

    private int _descriptor = -1;

    /// <param name="folder">The folder, as a full path.</param>
    /// <param name="socketFile">The name of the socket in it.</param>
    public SocketFolder(string folder, string socketFile)
    {
        Path = folder;
        if (Encoding.UTF8.GetByteCount(System.IO.Path.Combine(folder, socketFile)) <= SocketPathBytesMax)
            return;
        _descriptor = UnixCalls.OpenFolder(folder);
        Path = string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{_descriptor}");
    }

    public string Path { get; }

    public void Dispose()
    {
        if (_descriptor >= 0)
            UnixCalls.CloseFolder(_descriptor);
        _descriptor = -1;
    }
}
