using Matrix.EventSourced.EventStore;

namespace Matrix.EventSourced.Projections.Hosting;

/// <summary>A version of a projection as <c>projections.checkpoints</c> holds it.</summary>
/// <remarks>
/// Shape: DdlHash tells tables of another text with the same version number. Witness: the last record behind the
/// checkpoint, by which the log is recognised as the one that these rows came from; null before the first record.
/// IsRebuild: somebody asked for it while tables of the same version served; it is gone on with after a crash.
/// </remarks>
internal sealed record Checkpoint(
    string Schema,
    string Projection,
    int Version,
    int Generation,
    LogPosition Position,
    bool IsLive,
    string DdlHash,
    bool IsRebuild,
    LogWitness? Witness);

/// <summary>A record by which a log is recognised.</summary>
internal readonly record struct LogWitness(LogPosition Position, Guid RecordId);
