using System.Globalization;
using System.Security.Cryptography;

namespace Matrix.EventSourced.Media.Blobs;

/// <summary>Blobs as files of one folder; its layout stands in the README beside.</summary>
/// <remarks>
/// Requires: one process at a time uses the folder; the data folder's lock sees to it.
/// LOCK: a leaf; held while a draft takes its name and while a blob is deleted.
/// </remarks>
public sealed class FileBlobStore : IBlobStore
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>LIMIT: how exactly the last use is known. Ours: a write per read costs more than it tells.</summary>
    private static readonly TimeSpan UseNoted = TimeSpan.FromDays(1);

    private readonly TimeProvider _time;
    private readonly string _blobs;
    private readonly string _drafts;
    private readonly string _derived;
    private readonly Lock _lock = new();
    private int _holders;
    private long _draftCount;

    public FileBlobStore(string folder, TimeProvider time)
    {
        _time = time;
        _blobs = Path.Combine(folder, "blobs");
        _drafts = Path.Combine(folder, "drafts");
        _derived = Path.Combine(folder, "thumbnails");
        foreach (var path in (string[])[folder, _blobs, _drafts, _derived])
            Directory.CreateDirectory(path, OwnerOnly);
        // The folders must outlive a crash as the files in them do.
        FolderSync.Flush(folder);
        FolderSync.Flush(Path.GetDirectoryName(folder)!);
        foreach (var left in Directory.EnumerateFiles(_drafts))
            File.Delete(left);
    }

    public IBlobDraft BeginDraft()
    {
        var name = Interlocked.Increment(ref _draftCount).ToString(CultureInfo.InvariantCulture);
        return new Draft(this, Path.Combine(_drafts, name));
    }

    public Stream? Open(BlobId id)
    {
        var path = PathOf(id);
        var stream = OpenFile(path);
        if (stream is not null)
            NoteUse(path);
        return stream;
    }

    public Stream? OpenUnnoted(BlobId id) => OpenFile(PathOf(id));

    public long? SizeOf(BlobId id) => new FileInfo(PathOf(id)) is { Exists: true } file ? file.Length : null;

    public DateTimeOffset? LastUse(BlobId id) => new FileInfo(PathOf(id)) is { Exists: true } file
        ? new DateTimeOffset(file.LastWriteTimeUtc, TimeSpan.Zero)
        : null;

    public bool DeleteUnused(BlobId id, DateTimeOffset since)
    {
        lock (_lock)
        {
            if (_holders > 0 || LastUse(id) is not { } lastUse || lastUse >= since)
                return false;
            File.Delete(PathOf(id));
            var derived = DerivedFolder(id);
            if (Directory.Exists(derived))
                Directory.Delete(derived, recursive: true);
            return true;
        }
    }

    public IEnumerable<BlobId> All()
    {
        foreach (var path in Directory.EnumerateFiles(_blobs, "*", SearchOption.AllDirectories))
        {
            if (BlobId.TryParse(Path.GetFileName(path), out var id))
                yield return id;
        }
    }

    public IDisposable HoldDeletions()
    {
        lock (_lock)
            _holders++;
        return new Hold(this);
    }

    public Stream? OpenDerived(BlobId id, string name) => OpenFile(Path.Combine(DerivedFolder(id), name));

    public async Task KeepDerivedAsync(BlobId id, string name, ReadOnlyMemory<byte> bytes, int keptMax)
    {
        await using var draft = new Draft(this, Path.Combine(
            _drafts, Interlocked.Increment(ref _draftCount).ToString(CultureInfo.InvariantCulture)));
        await draft.WriteAsync(bytes, CancellationToken.None);
        await draft.FlushAsync();
        lock (_lock)
        {
            // Of a blob that has gone meanwhile nothing is kept.
            if (!File.Exists(PathOf(id)))
                return;
            var folder = Directory.CreateDirectory(DerivedFolder(id), OwnerOnly);
            if (folder.EnumerateFiles().Take(keptMax).Count() < keptMax)
                draft.MoveTo(Path.Combine(DerivedFolder(id), name));
        }
    }

    private string PathOf(BlobId id) => Path.Combine(_blobs, id.Value[..2], id.Value);

    private string DerivedFolder(BlobId id) => Path.Combine(_derived, id.Value[..2], id.Value);

    private static FileStream? OpenFile(string path)
    {
        try
        {
            return new FileStream(
                path,
                new FileStreamOptions
                {
                    Share = FileShare.ReadWrite | FileShare.Delete,
                    Options = FileOptions.Asynchronous,
                    // Whoever reads brings a buffer of their own.
                    BufferSize = 0,
                });
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    private void NoteUse(string path)
    {
        try
        {
            var now = _time.GetUtcNow().UtcDateTime;
            if (now - File.GetLastWriteTimeUtc(path) >= UseNoted)
                File.SetLastWriteTimeUtc(path, now);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // It was deleted just now, or the disk is read only: then nothing is deleted either.
        }
    }

    private void Release()
    {
        lock (_lock)
            _holders--;
    }

    private sealed class Hold(FileBlobStore store) : IDisposable
    {
        private FileBlobStore? _store = store;

        public void Dispose() => Interlocked.Exchange(ref _store, null)?.Release();
    }

    private sealed class Draft(FileBlobStore store, string path) : IBlobDraft
    {
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        private FileStream? _file = new(
            path,
            new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                Options = FileOptions.Asynchronous,
                BufferSize = 0,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            });

        private bool _isMoved;

        public long Size { get; private set; }

        public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
        {
            await _file!.WriteAsync(bytes, cancellationToken);
            _hash.AppendData(bytes.Span);
            Size += bytes.Length;
        }

        public async Task<BlobId> KeepAsync()
        {
            var id = BlobId.Of(_hash.GetHashAndReset());
            var folder = Path.GetDirectoryName(store.PathOf(id))!;
            await FlushAsync();
            if (!Directory.Exists(folder))
            {
                Directory.CreateDirectory(folder, OwnerOnly);
                FolderSync.Flush(store._blobs);
            }
            File.SetLastWriteTimeUtc(path, store._time.GetUtcNow().UtcDateTime);
            lock (store._lock)
            {
                // Over one that is there: its time is new then, and had it been damaged it is not any more.
                MoveTo(store.PathOf(id));
            }
            FolderSync.Flush(folder);
            return id;
        }

        public async Task FlushAsync()
        {
            await _file!.FlushAsync();
            _file.Flush(flushToDisk: true);
            await _file.DisposeAsync();
            _file = null;
        }

        public void MoveTo(string target)
        {
            File.Move(path, target, overwrite: true);
            _isMoved = true;
        }

        public async ValueTask DisposeAsync()
        {
            _hash.Dispose();
            if (_file is not null)
                await _file.DisposeAsync();
            if (!_isMoved)
                File.Delete(path);
        }
    }
}
