using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Federation.UrlPreviews;

/// <summary>A preview as JSON, or what is said in its place.</summary>
public sealed record Preview(ReadOnlyMemory<byte> Json, MatrixError? Error = null);

/// <summary>Previews that were made a while ago, a few versions of each page.</summary>
/// <remarks>Lost with the process: they are made again. LOCK: a leaf.</remarks>
internal sealed class PreviewCache(TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, LinkedListNode<Page>> _addressToPage = new(StringComparer.Ordinal);
    private readonly LinkedList<Page> _recent = new();

    /// <summary>The newest version as of a time, if there is a newer one or it is young; else the newest one, if it is
    /// young.</summary>
    public Preview? Find(string address, long? atMs)
    {
        var nowMs = time.GetUtcNow().ToUnixTimeMilliseconds();
        lock (_lock)
        {
            if (!_addressToPage.TryGetValue(address, out var node))
                return null;
            _recent.Remove(node);
            _recent.AddFirst(node);
            var versions = node.Value.Versions;
            for (var i = versions.Count - 1; i >= 0 && atMs is not null; i--)
            {
                if (versions[i].MadeMs <= atMs && (i < versions.Count - 1 || versions[i].FreshUntilMs > nowMs))
                    return versions[i].Preview;
            }
            return versions[^1].FreshUntilMs > nowMs ? versions[^1].Preview : null;
        }
    }

    public void Note(string address, Preview preview)
    {
        var nowMs = time.GetUtcNow().ToUnixTimeMilliseconds();
        var kept = preview.Error is null ? UrlPreviewOptions.Kept : UrlPreviewOptions.FailureKept;
        var version = new Version(nowMs, nowMs + (long)kept.TotalMilliseconds, preview);
        lock (_lock)
        {
            if (!_addressToPage.TryGetValue(address, out var node))
            {
                node = _recent.AddFirst(new Page(address, []));
                _addressToPage.Add(address, node);
            }
            var versions = node.Value.Versions;
            // A failure is no version of the page.
            versions.RemoveAll(one => one.Preview.Error is not null);
            versions.Add(version);
            if (versions.Count > UrlPreviewOptions.VersionsMax)
                versions.RemoveAt(0);
            if (_addressToPage.Count > UrlPreviewOptions.PagesMax)
            {
                _addressToPage.Remove(_recent.Last!.Value.Address);
                _recent.RemoveLast();
            }
        }
    }

    private sealed record Page(string Address, List<Version> Versions);

    private sealed record Version(long MadeMs, long FreshUntilMs, Preview Preview);
}
