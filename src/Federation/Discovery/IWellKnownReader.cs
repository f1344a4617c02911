using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Federation.Discovery;

/// <summary>Asks a host whom it delegates to.</summary>
public interface IWellKnownReader
{
    ValueTask<WellKnown> ReadAsync(string host, CancellationToken cancellationToken);
}

/// <summary>A host's answer. Shape: Server is null where it delegates to nobody, or did not answer usably; Lifetime is
/// what the answer's cache headers say, null without any.</summary>
public sealed record WellKnown(ServerName? Server, TimeSpan? Lifetime, string? Problem = null);
