using System.Runtime.InteropServices;

namespace Matrix.EventSourced.Media.Blobs;

/// <summary>Makes the names in a folder durable, for which .NET has no call: it opens no folders.</summary>
internal static class FolderSync
{
    private const int OpenDirectoryCloseOnExec = 0x80000;

    public static void Flush(string folder)
    {
        var descriptor = Open(folder, OpenDirectoryCloseOnExec);
        if (descriptor < 0)
            throw new IOException($"{folder} cannot be opened.");
        var result = Sync(descriptor);
        _ = Close(descriptor);
        if (result != 0)
            throw new IOException($"{folder} cannot be flushed to the disk.");
    }

    [DllImport("libc", EntryPoint = "open")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", EntryPoint = "fsync")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Sync(int descriptor);

    [DllImport("libc", EntryPoint = "close")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Close(int descriptor);
}
