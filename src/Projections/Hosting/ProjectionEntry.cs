using Matrix.EventSourced.EventStore;

namespace Matrix.EventSourced.Projections.Hosting;

/// <summary>What the process knows of one projection: the version that serves, how far it is, and the loop that moves
/// it.</summary>
internal sealed class ProjectionEntry(IProjection projection)
{
    private string? _liveSchema;

    public IProjection Projection { get; } = projection;

    public AppliedPosition Applied { get; } = new();

    /// <summary>Null until the host started.</summary>
    public string? LiveSchema
    {
        get => Volatile.Read(ref _liveSchema);
        set => Volatile.Write(ref _liveSchema, value);
    }

    public LiveLoop? Live { get; set; }

    /// <summary>One rebuild of a projection at a time.</summary>
    public SemaphoreSlim RebuildTurn { get; } = new(1, 1);

    /// <summary>A build that is to take over, made but not complete; who has the turn may change it.</summary>
    public Checkpoint? Planned { get; set; }

    /// <summary>How far a rebuild is, for whoever asks; null when there is none.</summary>
    public RebuildProgress? Rebuild { get; set; }
}

/// <summary>How far a rebuild is.</summary>
/// <remarks>Shape: Percent of the log's positions, 0..100. Estimate: null before anything was measured.</remarks>
public sealed record RebuildProgress(
    LogPosition Position,
    LogPosition Head,
    double Percent,
    double FactsPerSecond,
    TimeSpan? Estimate);

/// <summary>A projection as an operator sees it.</summary>
public sealed record ProjectionStatus(
    string Projection,
    int Version,
    string? Schema,
    LogPosition Position,
    RebuildProgress? Rebuild,
    ProjectionProblem? Problem);
