namespace Matrix.EventSourced.EventStore;

/// <summary>A log that is reached over a network, and may be out of reach.</summary>
public interface ILogConnection
{
    LogConnectionStatus Status { get; }
}

/// <summary>How the connection to the log is.</summary>
/// <remarks>Shape: Node is the one talked to, or the last one; Version and Role are null when it does not say; Problem
/// is a sentence for a person, and null while connected.</remarks>
public sealed record LogConnectionStatus(
    bool IsConnected, string? Node, string? Version, string? Role, string? Problem);
