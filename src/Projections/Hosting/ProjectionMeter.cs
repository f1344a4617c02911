using System.Diagnostics.Metrics;

namespace Matrix.EventSourced.Projections.Hosting;

/// <summary>The numbers of the read side, under one name.</summary>
internal static class ProjectionMeter
{
    public static readonly Meter Meter = new("Matrix.EventSourced.Projections");

    public static readonly Counter<long> Facts = Meter.CreateCounter<long>(
        "projection_facts", description: "Facts applied and committed.");

    public static readonly Histogram<int> BatchFacts = Meter.CreateHistogram<int>(
        "projection_batch_facts", description: "Facts in one committed batch.");

    public static readonly Counter<long> Retries = Meter.CreateCounter<long>(
        "projection_retries", description: "Attempts given up because PostgreSQL or the log was away.");
}
