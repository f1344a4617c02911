using System.Runtime.CompilerServices;
using System.Text;
using Matrix.EventSourced.Api.Hosting;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Media.Blobs;

namespace Matrix.EventSourced.Api.Control;

/// <summary>Copies everything of the data folder that cannot be made again.</summary>
/// <remarks>
/// <code>
///   signing.key, server_name, homeserver.yaml, other small files  ─►  FOLDER/
///   log (one consistent state, while it is written)               ─►  FOLDER/log/
///   everything else but log, postgres, lock and sockets           ─►  FOLDER/…          (media)
/// </code>
/// The log comes first: a file that a fact names is there before the fact is, so files copied after the log are a
/// superset of what it needs; bytes of media that the log names then are not deleted while it is copied. Restoring is
/// starting a server on the folder.
/// </remarks>
internal sealed class Backup(DataFolder data, IEventStore log, IBlobStore blobs, TimeProvider time)
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private static readonly TimeSpan SayEvery = TimeSpan.FromSeconds(2);

    /// <summary>What is never copied: it is copied in another way, made again, or of this process alone.</summary>
    private static readonly string[] LeftOut = ["log", "postgres", "postgres.new", "lock", "control.sock"];

    /// <summary>What is not copied of media: what is being written, and what is made again.</summary>
    private static readonly string[] LeftOutOfMedia = ["drafts", "thumbnails"];

    /// <summary>Lines that say how far it is; the last one says where the backup lies.</summary>
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> RunAsync(
        string folder, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (IsInside(folder))
            throw new BackupException($"{folder} lies in the data folder.");
        if (log is not ILogBackup embedded)
        {
            throw new BackupException(
                "The log is in EventStoreDB, which this command cannot copy: back up the node with its own means, and "
                + $"copy signing.key, server_name, homeserver.yaml and afterwards media/blobs from {data.Path}.");
        }
        using var held = blobs.HoldDeletions();
        Directory.CreateDirectory(folder, OwnerOnly);
        if (Directory.EnumerateFileSystemEntries(folder).Any())
            throw new BackupException($"{folder} is not empty.");
        var logFolder = Path.Combine(folder, "log");
        Directory.CreateDirectory(logFolder, OwnerOnly);
        var began = time.GetTimestamp();
        var copy = embedded.BackUpAsync(logFolder, cancellationToken);
        while (await Task.WhenAny(copy, Task.Delay(SayEvery, time, cancellationToken)) != copy)
            yield return Line($"copying the log: {Size(logFolder) / 1048576} MiB so far");
        await copy;
        yield return Line(
            $"log: {Size(logFolder) / 1048576.0:0.0} MiB in {time.GetElapsedTime(began).TotalSeconds:0.0} s");
        var files = CopyFiles(data.Path, folder, LeftOut);
        yield return Line($"{files} other files");
        yield return Line($"Backed up to {folder}. To restore, start a server with --data on it.");
    }

    private bool IsInside(string folder)
    {
        var relative = Path.GetRelativePath(Path.GetFullPath(data.Path), Path.GetFullPath(folder));
        return relative == "." || !relative.StartsWith("..", StringComparison.Ordinal);
    }

    private int CopyFiles(string from, string to, string[] leftOut)
    {
        var count = 0;
        foreach (var file in Directory.EnumerateFiles(from))
        {
            var name = Path.GetFileName(file);
            if (leftOut.Contains(name))
                continue;
            var target = Path.Combine(to, name);
            File.Copy(file, target);
            File.SetUnixFileMode(target, File.GetUnixFileMode(file));
            count++;
        }
        foreach (var folder in Directory.EnumerateDirectories(from))
        {
            var name = Path.GetFileName(folder);
            if (leftOut.Contains(name))
                continue;
            var target = Path.Combine(to, name);
            Directory.CreateDirectory(target, OwnerOnly);
            count += CopyFiles(folder, target, folder == data.MediaFolder ? LeftOutOfMedia : []);
        }
        return count;
    }

    private static long Size(string folder) =>
        new DirectoryInfo(folder).EnumerateFiles().Sum(file => file.Length);

    private static byte[] Line(string text) => Encoding.UTF8.GetBytes(text);
}

/// <summary>A backup that cannot be made, for a reason that its administrator can change.</summary>
internal sealed class BackupException(string message) : Exception(message);
