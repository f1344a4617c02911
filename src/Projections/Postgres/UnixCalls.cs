using System.Runtime.InteropServices;

namespace Matrix.EventSourced.Projections.Postgres;

/// <summary>The few calls of the C library that .NET has no name for.</summary>
internal static class UnixCalls
{
    public const int SignalInterrupt = 2;
    public const int SignalQuit = 3;

    private const int OpenDirectoryCloseOnExec = 0x80000;

    public static uint EffectiveUserId => GetEffectiveUserId();

    public static bool Signal(int processId, int signal) => Kill(processId, signal) == 0;

    /// <summary>A descriptor of a folder, for short paths through <c>/proc/self/fd</c>.</summary>
    public static int OpenFolder(string path)
    {
        var descriptor = Open(path, OpenDirectoryCloseOnExec);
        return descriptor >= 0 ? descriptor : throw new IOException($"{path} cannot be opened.");
    }

    public static void CloseFolder(int descriptor) => _ = Close(descriptor);

    [DllImport("libc", EntryPoint = "geteuid")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern uint GetEffectiveUserId();

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int processId, int signal);

    [DllImport("libc", EntryPoint = "open")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", EntryPoint = "close")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Close(int descriptor);
}
